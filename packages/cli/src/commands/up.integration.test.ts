import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { processStartedAt } from "@faas/platforms";
import { readLock } from "@faas/server/lock";
import { eventually, tempDir } from "@faas/testing";
import { runHere, startChild, startHere } from "../testing/test-cli.ts";

const root = tempDir("up");

let count = 0;
/** Creates a data folder; its server is ended after the test. */
async function dataFolder(t: TestContext): Promise<string> {
  const data = join(root, String(count++));
  await mkdir(data);
  t.after(async () => {
    const lock = await readLock(data);
    if (lock && lock.pid !== process.pid && lock.host === hostname()) process.kill(lock.pid, "SIGKILL");
  });
  return data;
}

const healthy = async (url: string) => (await fetch(`${url}/-/readyz`)).status === 200;

test("up --detach returns when the server is ready, and down stops it", async (t) => {
  const data = await dataFolder(t);
  const started = await runHere(t, ["up", "--detach", "--port", "0", "--data", data], { cwd: root });
  assert.equal(started.code, 0, started.stderr);
  const url = started.stdout.trim();
  assert.ok(await healthy(url));
  const [, pid, log] = /process (\d+), log (\S+)\. Stop it with "faas down --data (\S+)"/.exec(started.stderr) ?? [];
  assert.match(await readFile(log as string, "utf8"), /listening/);

  const stopped = await runHere(t, ["down", "--data", data], { cwd: root });
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.ok(stopped.stderr.includes(`Stopped the server at ${url} (process ${pid})`), stopped.stderr);
  await assert.rejects(fetch(url));
  assert.equal(processStartedAt(Number(pid)), undefined);
});

test("down reports that no server runs", async (t) => {
  const data = await dataFolder(t);
  const { code, stderr } = await runHere(t, ["down"], { cwd: root, env: { FAAS_DATA: data } });
  assert.equal(code, 1);
  assert.match(stderr, /No server runs on .*SERVER_NOT_RUNNING/);
});

test("down does not stop a server on another machine, and names the machine", async (t) => {
  const data = await dataFolder(t);
  const lock = { pid: process.pid, processStartedAt: "1", host: "elsewhere", url: "http://elsewhere:1" };
  await writeFile(join(data, "lock.json"), JSON.stringify(lock));
  const { code, stderr } = await runHere(t, ["down", "--data", data], { cwd: root });
  assert.equal(code, 1);
  assert.match(stderr, /on elsewhere/);
});

test("a second up on the same data folder reports the running server", async (t) => {
  const data = await dataFolder(t);
  const first = startHere(t, ["up", "--log-level", "silent", "--port", "0", "--data", data], { cwd: root });
  const [url] = await first.printed(/^http:\S+(?=\n)/m);
  for (const mode of [[], ["--detach"]]) {
    const { code, stderr } = await runHere(t, ["up", "--port", "0", "--data", data, ...mode], { cwd: root });
    assert.equal(code, 1);
    assert.ok(stderr.includes(`answers at ${url}`), stderr);
    assert.match(stderr, /STATE_LOCKED/);
  }
  assert.ok(await healthy(url), "the first server still runs");
});

test("up reports a port in use and advises another", async (t) => {
  const data = await dataFolder(t);
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const port = String((other.address() as AddressInfo).port);
  for (const mode of [[], ["--detach"]]) {
    const { code, stderr } = await runHere(t, ["up", "--port", port, "--data", data, ...mode], { cwd: root });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`127.0.0.1:${port}.*--port.*PORT_IN_USE`));
  }
});

test("up exits 130 after Ctrl-C and releases the data folder", async (t) => {
  const data = await dataFolder(t);
  const server = startChild(t, ["up", "--port", "0", "--data", data], { cwd: root });
  await server.printed(/^http:\S+(?=\n)/m);
  server.interrupt();
  assert.equal((await server.ended).code, 130);
  assert.equal(await readLock(data), undefined);
});

/** Starts a server and a call that its function is handling. */
async function busyServer(t: TestContext) {
  const data = await dataFolder(t);
  const server = startChild(t, ["up", "--port", "0", "--data", data], { cwd: root });
  const [url] = await server.printed(/^http:\S+(?=\n)/m);
  const folder = join(data, "slow");
  await mkdir(folder);
  const upstream = createHttpServer().listen(0, "127.0.0.1");
  t.after(() => upstream.close().closeAllConnections());
  await once(upstream, "listening");
  const called = once(upstream, "request");
  const source = `export const handler = async () => {
  console.log("called in", process.pid);
  return (await fetch("http://127.0.0.1:${(upstream.address() as AddressInfo).port}")).text();
};\n`;
  await writeFile(join(folder, "index.mjs"), source);
  const env = { FAAS_SERVER: url };
  const deployed = await runHere(t, ["deploy", folder, "--org", "acme", "--endpoint", "slow"], { cwd: root, env });
  assert.equal(deployed.code, 0, deployed.stderr);
  const response = fetch(`${url}/acme/slow`).then((each) => each.text());
  response.catch(() => {});
  const logs = startHere(t, ["logs", "acme/slow", "--follow"], { cwd: root, env });
  const [, pid] = await logs.printed(/called in (\d+)/);
  return { server, response, pid: Number(pid), finish: async () => (await called)[1].end("slow") };
}

test("up finishes requests in progress after Ctrl-C", async (t) => {
  const { server, response, finish } = await busyServer(t);
  server.interrupt();
  await server.printed(/Stopping/);
  await finish();
  assert.equal(await response, "slow");
  assert.equal((await server.ended).code, 130);
});

test("up stops at once after a second Ctrl-C, and ends the function", async (t) => {
  const { server, response, pid } = await busyServer(t);
  server.interrupt();
  // The system merges two signals that arrive together.
  await server.printed(/Stopping/);
  server.interrupt();
  await assert.rejects(response);
  assert.equal((await server.ended).code, 130);
  await eventually("the killed function is gone", () => processStartedAt(pid) === undefined);
});

test("up takes over the data folder of a killed server", async (t) => {
  const data = await dataFolder(t);
  const server = startChild(t, ["up", "--port", "0", "--data", data], { cwd: root });
  await server.printed(/^http:\S+(?=\n)/m);
  process.kill(server.pid, "SIGKILL");
  await server.ended;
  const again = startHere(t, ["up", "--log-level", "silent", "--port", "0", "--data", data], { cwd: root });
  assert.ok(await healthy((await again.printed(/^http:\S+(?=\n)/m))[0]));
});

test("up --detach shows why the server cannot start", async (t) => {
  const data = await dataFolder(t);
  await writeFile(join(data, "state.json"), "{ half");
  const { code, stderr } = await runHere(t, ["up", "--detach", "--port", "0", "--data", data], { cwd: root });
  assert.equal(code, 1);
  assert.match(stderr, /state\.json.*STATE_DAMAGED/s);
});

test("up --detach shows the last output of a server that dies", async (t) => {
  const data = await dataFolder(t);
  await mkdir(join(data, "state.json"));
  const { code, stderr } = await runHere(t, ["up", "--detach", "--port", "0", "--data", data], { cwd: root });
  assert.equal(code, 1);
  assert.match(stderr, /state\.json|EISDIR/);
});

test("up accepts --lock-patience, says once that --lock-timeout replaces it, and passes it on", async (t) => {
  const data = await dataFolder(t);
  const argv = ["up", "--detach", "--port", "0", "--data", data, "--lock-patience", "1s"];
  const { code, stderr } = await runHere(t, argv, { cwd: root });
  assert.equal(code, 0, stderr);
  assert.deepEqual(stderr.match(/--lock-\w+ is deprecated: use --lock-\w+/g), [
    "--lock-patience is deprecated: use --lock-timeout",
  ]);
});
