import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { processStartedAt } from "@faas/platforms";
import { readLock } from "@faas/server/lock";
import { runHere, startChild, startHere } from "../testing/test-cli.ts";

const root = await mkdtemp(join(tmpdir(), "faas-up-"));
after(() => rm(root, { recursive: true, force: true }));

let count = 0;
/** A data folder of its own; its server is ended after the test. */
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

test("up --detach returns when the server takes requests, and down ends it", async (t) => {
  const data = await dataFolder(t);
  const started = await runHere(t, ["up", "--detach", "--port", "0", "--data", data], { cwd: root });
  assert.equal(started.code, 0, started.stderr);
  const url = started.stdout.trim();
  assert.ok(await healthy(url));
  const [, pid, log] = /process (\d+), log (\S+)\. "faas down --data (\S+)" stops it/.exec(started.stderr) ?? [];
  assert.match(await readFile(log as string, "utf8"), /listening/);

  const stopped = await runHere(t, ["down", "--data", data], { cwd: root });
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.ok(stopped.stderr.includes(`Stopped the server at ${url} (process ${pid})`), stopped.stderr);
  await assert.rejects(fetch(url));
  assert.equal(processStartedAt(Number(pid)), undefined);
});

test("down without a server says so", async (t) => {
  const data = await dataFolder(t);
  const { code, stderr } = await runHere(t, ["down"], { cwd: root, env: { FAAS_DATA: data } });
  assert.equal(code, 1);
  assert.match(stderr, /No server runs on .*SERVER_NOT_RUNNING/);
});

test("down leaves a server on another machine alone, and says where it is", async (t) => {
  const data = await dataFolder(t);
  const lock = { pid: process.pid, processStartedAt: "1", host: "elsewhere", url: "http://elsewhere:1" };
  await writeFile(join(data, "lock.json"), JSON.stringify(lock));
  const { code, stderr } = await runHere(t, ["down", "--data", data], { cwd: root });
  assert.equal(code, 1);
  assert.match(stderr, /on elsewhere/);
});

test("a second up on the same data says that one runs already, and where", async (t) => {
  const data = await dataFolder(t);
  const first = startHere(t, ["up", "--log-level", "silent", "--port", "0", "--data", data], { cwd: root });
  const [url] = await first.printed(/^http:\S+(?=\n)/m);
  for (const mode of [[], ["--detach"]]) {
    const { code, stderr } = await runHere(t, ["up", "--port", "0", "--data", data, ...mode], { cwd: root });
    assert.equal(code, 1);
    assert.ok(stderr.includes(`answers at ${url}`), stderr);
    assert.match(stderr, /STATE_LOCKED/);
  }
  assert.ok(await healthy(url), "the first one goes on");
});

test("a port that is taken is told, with what to do", async (t) => {
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

test("Ctrl-C ends up with 130, and the data folder is free again", async (t) => {
  const data = await dataFolder(t);
  const server = startChild(t, ["up", "--port", "0", "--data", data], { cwd: root });
  await server.printed(/^http:\S+(?=\n)/m);
  server.interrupt();
  assert.equal((await server.ended).code, 130);
  assert.equal(await readLock(data), undefined);
});

/** A server with a function that answers after a while, and a call that it is answering. */
async function busyServer(t: TestContext) {
  const data = await dataFolder(t);
  const server = startChild(t, ["up", "--port", "0", "--data", data], { cwd: root });
  const [url] = await server.printed(/^http:\S+(?=\n)/m);
  const folder = join(data, "slow");
  await mkdir(folder);
  const source = `export const handler = () => new Promise((done) => {
    console.log("called in", process.pid);
    setTimeout(done, 1000, "slow");
  });\n`;
  await writeFile(join(folder, "index.mjs"), source);
  const env = { FAAS_SERVER: url };
  const deployed = await runHere(t, ["deploy", folder, "--org", "acme", "--endpoint", "slow"], { cwd: root, env });
  assert.equal(deployed.code, 0, deployed.stderr);
  const answer = fetch(`${url}/acme/slow`).then((response) => response.text());
  answer.catch(() => {});
  const logs = startHere(t, ["logs", "acme/slow", "--follow"], { cwd: root, env });
  const [, pid] = await logs.printed(/called in (\d+)/);
  return { server, answer, pid: Number(pid) };
}

test("Ctrl-C lets up finish what is in flight", async (t) => {
  const { server, answer } = await busyServer(t);
  server.interrupt();
  assert.equal(await answer, "slow");
  assert.equal((await server.ended).code, 130);
});

test("a second Ctrl-C ends up at once, and the function with it", async (t) => {
  const { server, answer, pid } = await busyServer(t);
  server.interrupt();
  // Two signals that come together are one to the system.
  await server.printed(/Stopping/);
  server.interrupt();
  await assert.rejects(answer);
  assert.equal((await server.ended).code, 130);
  // It was killed; the kernel may still be at it.
  const deadline = Date.now() + 5_000;
  while (processStartedAt(pid) !== undefined && Date.now() < deadline) await delay(10);
  assert.equal(processStartedAt(pid), undefined);
});

test("after kill -9 the next up takes the data folder", async (t) => {
  const data = await dataFolder(t);
  const server = startChild(t, ["up", "--port", "0", "--data", data], { cwd: root });
  await server.printed(/^http:\S+(?=\n)/m);
  process.kill(server.pid, "SIGKILL");
  await server.ended;
  const again = startHere(t, ["up", "--log-level", "silent", "--port", "0", "--data", data], { cwd: root });
  assert.ok(await healthy((await again.printed(/^http:\S+(?=\n)/m))[0]));
});

test("a background server that cannot start shows why", async (t) => {
  const data = await dataFolder(t);
  await writeFile(join(data, "state.json"), "{ half");
  const { code, stderr } = await runHere(t, ["up", "--detach", "--port", "0", "--data", data], { cwd: root });
  assert.equal(code, 1);
  assert.match(stderr, /state\.json.*STATE_DAMAGED/s);
});

test("a background server that dies shows what it printed last", async (t) => {
  const data = await dataFolder(t);
  await mkdir(join(data, "state.json"));
  const { code, stderr } = await runHere(t, ["up", "--detach", "--port", "0", "--data", data], { cwd: root });
  assert.equal(code, 1);
  assert.match(stderr, /state\.json|EISDIR/);
});
