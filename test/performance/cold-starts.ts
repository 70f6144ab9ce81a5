import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LocalServer } from "./rig/local-server.ts";
import { median, type Row, ratio, timed } from "./rig/table.ts";

const NODE = 'export const handler = () => ({ message: "hello" });\n';
const PYTHON = 'def handler(event, context):\n    return {"message": "hello"}\n';
const BARE = `import { createServer } from "node:http";
createServer((_, response) => response.end('{"message":"hello"}')).listen(process.env.PORT);
`;
/** Time for the next prewarmed process to start. */
export const REFILL_MS = 1_500;

/** Measures calls to endpoints at zero replicas through the gateway, with a prewarmed process and without. */
export async function coldStarts(): Promise<Row[]> {
  await using bare = await LocalServer.start(["--pool-size", "0"]);
  await using pooled = await LocalServer.start(["--pool-size", "1"]);
  for (const server of [bare, pooled]) await deployFunctions(server);
  const bareFile = join(bare.folder, "bare.mjs");
  await writeFile(bareFile, BARE);
  const process: number[] = [];
  const own: number[] = [];
  const node: number[] = [];
  const python: number[] = [];
  for (let i = 0; i < 15; i++) {
    process.push(await bareStart(bareFile, join(bare.folder, "bare.sock")));
    own.push(await coldCall(bare, "node"));
    node.push(await coldCall(pooled, "node"));
    python.push(await coldCall(pooled, "python"));
    await delay(REFILL_MS);
  }
  return [
    ratio(
      "cold start of a Node function in a new process (`--pool-size 0`), request to response",
      "a bare `node:http` process, start to first response",
      median(own),
      median(process),
      1.15,
    ),
    wake("cold start of a Node function in a prewarmed process, request to response", node, 10),
    wake("cold start of a Python function in a prewarmed process, request to response", python, 25),
  ];
}

function wake(measure: string, times: readonly number[], goal: number): Row {
  const value = median(times);
  return { measure, baseline: "", ours: `${value.toFixed(1)} ms`, value, goal, unit: "ms" };
}

/** Deploys acme/node and acme/python, which are idle after 100 ms. */
export async function deployFunctions(server: LocalServer): Promise<void> {
  await server.deploy("node", "index.mjs", NODE, "--idle-timeout", "100ms");
  await server.deploy("python", "main.py", PYTHON, "--idle-timeout", "100ms");
}

/** Waits until an endpoint is idle, and returns the milliseconds of the next call. */
export async function coldCall(server: LocalServer, endpoint: string): Promise<number> {
  await server.untilIdle(endpoint);
  return timed(async () => {
    const response = await fetch(`${server.url}/acme/${endpoint}`);
    await response.text();
    if (response.headers.get("x-cold-start") !== "true") throw new Error("expected a cold start");
  });
}

async function bareStart(file: string, socketPath: string): Promise<number> {
  await rm(socketPath, { force: true });
  const began = performance.now();
  const child = spawn(process.execPath, [file], { env: { ...process.env, PORT: socketPath }, stdio: "ignore" });
  const respond = () =>
    new Promise<boolean>((resolve) => {
      request({ socketPath, agent: false }, (response) => response.resume().on("end", () => resolve(true)))
        .on("error", () => resolve(false))
        .end();
    });
  // The socket file exists a moment before the server listens.
  while (!existsSync(socketPath) || !(await respond())) await delay(2);
  const took = performance.now() - began;
  child.kill("SIGKILL");
  await once(child, "exit");
  return took;
}
