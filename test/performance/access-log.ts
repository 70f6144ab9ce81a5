import { setTimeout as delay } from "node:timers/promises";
import { tempDir } from "@faas/testing";
import { LocalServer } from "./rig/local-server.ts";
import { percentile, type Row } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";
import { missingPrograms, wrk } from "./rig/wrk.ts";

/** Pairs of servers: two servers with the same options differ by a few percent, because they compile and collect garbage at different times. */
const PAIRS = 5;
const ROUNDS = 6;
const SECONDS = 2;
/** Time in which the lines of the last calls are written. */
const WRITE_MS = 1_200;

const SOURCE = 'export const handler = () => ({ hello: "world" });\n';

/**
 * Measures the CPU time of the server per call, with and without a line for each call in the log. The servers take turns. Other processes on the machine
 * only add to the time, so the lower quartiles are compared.
 */
export async function accessLog(): Promise<Row[]> {
  const missing = missingPrograms("wrk");
  if (missing.length > 0) throw new Error(`Expected ${missing.join(", ")} to be installed`);
  const micros = { on: [] as number[], off: [] as number[] };
  for (let pair = 0; pair < PAIRS; pair++) {
    await using on = await startServer("on");
    await using off = await startServer("off");
    for (const server of [on, off]) await microsPerCall(server);
    for (let round = 0; round < ROUNDS; round++) {
      const turns = [
        { server: on, times: micros.on },
        { server: off, times: micros.off },
      ];
      for (const { server, times } of round % 2 === 0 ? turns : turns.reverse())
        times.push(await microsPerCall(server));
    }
  }
  const [on, off] = [percentile(micros.on, 0.25), percentile(micros.off, 0.25)];
  return [
    {
      measure: "CPU of the server per call, with a line for each call in the log",
      baseline: `\`--access-log off\`: ${off.toFixed(1)} us`,
      ours: `${on.toFixed(1)} us`,
      value: on / off,
      goal: 1.03,
      unit: "x",
    },
  ];
}

async function startServer(mode: "on" | "off"): Promise<LocalServer> {
  const server = await LocalServer.start(["--access-log", mode]);
  try {
    await server.deploy("hello", "index.mjs", SOURCE);
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

async function microsPerCall({ pid, url }: LocalServer): Promise<number> {
  const before = (await usage(pid)).cpuSeconds;
  const { requests, errors } = await wrk(tempDir("wrk"), `${url}/acme/hello`, { connections: 10, seconds: SECONDS });
  if (errors > 0) throw new Error(`${errors} of ${requests} calls failed`);
  await delay(WRITE_MS);
  return (((await usage(pid)).cpuSeconds - before) * 1e6) / requests;
}
