import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, type RunningServer } from "@faas/testing";
import { HANDLER, startUnderLoad } from "./call-load.ts";

async function exitCode({ child }: RunningServer): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}

test("faas up --takeover replaces a running server without failing a call", async () => {
  await using run = await startUnderLoad();
  const { faas, server, load } = run;
  const successor = await faas.up({ args: [...run.args, "--takeover"] });
  assert.equal(successor.url, server.url);
  assert.equal(await exitCode(server), 0);
  await delay(100);
  await load.end();
  assert.deepEqual(load.failures, []);
  assert.equal(load.pids.size, 2);
  // The successor owns the data folder: it accepts changes, and nothing of its predecessor is left.
  const second = await faas.deploy("y", { "index.js": HANDLER });
  assert.equal(second.code, 0, second.stderr);
});

test("a server takes its role back when its successor is killed before it is ready", async () => {
  await using run = await startUnderLoad();
  const { faas, server, load } = run;
  const lock = () => readFile(join(faas.data, "lock.json"), "utf8").catch(() => "");
  const successor = faas.start(["up", ...run.args, "--takeover"]);
  const hasLock = async () => (await lock()).includes(`"pid":${successor.child.pid},`);
  await eventually("the successor has the data folder", hasLock, { intervalMs: 1 });
  successor.child.kill("SIGKILL");
  // The request waits until a server has the data folder again.
  const second = await faas.deploy("y", { "index.js": HANDLER });
  assert.equal(second.code, 0, second.stderr);
  assert.match(await lock(), new RegExp(`"pid":${server.pid},`));
  await load.end();
  assert.deepEqual(load.failures, []);
});

test("a takeover is completed when the previous server is killed during it, and leaves none of its functions running", async () => {
  await using run = await startUnderLoad();
  const { faas, server, load } = run;
  await load.end();
  const successor = faas.start(["up", ...run.args, "--takeover"]);
  const hasLock = async () =>
    (await readFile(join(faas.data, "lock.json"), "utf8").catch(() => "")).includes(`"pid":${successor.child.pid},`);
  await eventually("the successor has the data folder", hasLock, { intervalMs: 1 });
  server.child.kill("SIGKILL");
  await eventually("the successor accepts requests", () => successor.stdout().includes(server.url));
  assert.match(await faas.succeed(["invoke", "acme/x"]), /"pid"/);
  for (const pid of load.pids) await eventually("the function has ended", () => !existsSync(`/proc/${pid}`));
});
