import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { eventually, freePort } from "@faas/testing";

const PROGRAM = join(import.meta.dirname, "../../programs/keep-listening.pl");
/** A server that answers with its pid, slowly on /slow, and prints its pid when it listens. */
const SERVER = `
const { LISTEN_FDS, LISTEN_PID } = process.env;
if (LISTEN_FDS !== "1" || LISTEN_PID !== String(process.pid)) process.exit(3);
const server = require("node:http").createServer((request, response) => {
  setTimeout(() => response.end(String(process.pid)), request.url === "/slow" ? 500 : 0);
});
server.listen({ fd: 3 }, () => console.log(process.pid));
process.on("SIGTERM", () => server.close(() => process.exit(7)));
`;

/** Runs the program with a server; `pids` are those of the servers that listened. */
async function keepListening(t: TestContext, script = SERVER) {
  const port = await freePort();
  const child = spawn("perl", [PROGRAM, "127.0.0.1", String(port), "--", process.execPath, "-e", script], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  t.after(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const pids: number[] = [];
  createInterface(child.stdout).on("line", (line) => pids.push(Number(line)));
  return { port, child, pids, exited };
}

function call(port: number, path = "/"): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ port, path, agent: false }, async (response) =>
      resolve(Buffer.concat(await response.toArray()).toString()),
    ).on("error", reject);
  });
}

test("a call right after a crash waits for the next process", async (t) => {
  const { port, pids } = await keepListening(t);
  await eventually("the server listens", () => pids.length === 1);
  assert.equal(await call(port), String(pids[0]));
  process.kill(pids[0] as number, "SIGKILL");
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(port)));
  assert.equal(pids.length, 2);
  assert.deepEqual(new Set(answers), new Set([String(pids[1])]));
});

test("SIGTERM ends the server politely, and closes the port", async (t) => {
  const { port, child, pids, exited } = await keepListening(t);
  await eventually("the server listens", () => pids.length === 1);
  const slow = call(port, "/slow");
  await call(port);
  child.kill("SIGTERM");
  await eventually("the port is closed", () =>
    call(port).then(
      () => false,
      ({ code }) => code === "ECONNREFUSED",
    ),
  );
  assert.equal(await slow, String(pids[0]));
  assert.deepEqual(await exited, [7, null]);
});

test("a server that always fails is not started forever", async (t) => {
  const { exited } = await keepListening(t, "process.exit(5)");
  assert.deepEqual(await exited, [5, null]);
});
