import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, HttpClient } from "@faas/testing";
import { startUnderLoad } from "./call-load.ts";

/** Returns the processes of the gateways of a data folder, by name. */
async function gatewaysOf(data: string): Promise<Map<string, number>> {
  const folder = join(data, "gateways");
  const records = (await readdir(folder)).map(async (file) => {
    const { pid } = JSON.parse(await readFile(join(folder, file), "utf8")) as { pid: number };
    return [file.replace(".json", ""), pid] as const;
  });
  return new Map(await Promise.all(records));
}

test("two gateways share the port, and one that is killed is replaced", async () => {
  await using run = await startUnderLoad("--gateways", "2");
  const { faas, server, load } = run;
  const gateways = await gatewaysOf(faas.data);
  assert.equal(gateways.size, 2);
  await eventually("both gateways serve calls", () => load.gateways.size === 2);
  assert.deepEqual(load.failures, []);
  const [[name, pid] = ["", 0]] = gateways;
  process.kill(pid, "SIGKILL");
  await eventually("the gateway runs again", async () => {
    const now = (await gatewaysOf(faas.data)).get(name);
    return now !== undefined && now !== pid;
  });
  load.gateways.clear();
  await eventually("it serves calls", () => load.gateways.has(name));
  await load.end();
  // Only calls on connections to the killed process.
  for (const failure of load.failures) assert.match(failure, /ECONNRESET|socket hang up/);
  using client = new HttpClient(server.url);
  const counted = /^faas_requests_total\{org="acme",endpoint="x",code="200"\} (\d+)$/m;
  const count = async () => Number(counted.exec((await client.send("GET", "/-/metrics")).text)?.[1]);
  await eventually("the server counts the calls of both", async () => (await count()) > load.calls / 2);
  const log = await faas.succeed(["logs", "acme/x", "--tail", "50", "--output", "json"]);
  const lines = log
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { access?: { gateway?: string } });
  const named = lines.flatMap(({ access }) => access?.gateway ?? []);
  assert.ok(named.length > 0 && named.every((each) => gateways.has(each)), log);
});

test("gateways serve calls while no server runs, and the next server replaces them without failing one", async () => {
  await using run = await startUnderLoad("--gateways", "2");
  const { faas, server, load } = run;
  const before = await gatewaysOf(faas.data);
  server.child.kill("SIGKILL");
  using client = new HttpClient(server.url);
  const isAway = async () => (await client.send("GET", "/-/orgs")).text.includes("CONTROL_SERVER_AWAY");
  await eventually("the control API is unavailable", isAway);
  const { calls } = load;
  await eventually("calls are served", () => load.calls > calls + 20);
  assert.deepEqual(load.failures, []);
  await faas.up({ args: run.args });
  const isReplaced = () => [...before.values()].every((pid) => !isRunning(pid));
  await eventually("the previous gateways have ended", isReplaced);
  await load.end();
  assert.deepEqual(load.failures, []);
  assert.equal(load.pids.size, 2);
});

test("faas up --takeover replaces a server with gateways without failing a call", async () => {
  await using run = await startUnderLoad("--gateways", "2");
  const { faas, server, load } = run;
  const before = await gatewaysOf(faas.data);
  await faas.up({ args: [...run.args, "--takeover"] });
  await eventually("the previous server has ended", () => server.child.exitCode === 0);
  for (const pid of before.values()) assert.equal(isRunning(pid), false);
  await load.end();
  assert.deepEqual(load.failures, []);
  assert.equal((await gatewaysOf(faas.data)).size, 2);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
