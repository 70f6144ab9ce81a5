import { setTimeout as delay } from "node:timers/promises";
import { tempDir } from "@faas/testing";
import { LocalServer } from "./rig/local-server.ts";
import { median, type Row } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";
import { missingPrograms, wrk } from "./rig/wrk.ts";

/** Pairs of servers: two servers with the same options differ by a few percent, because they compile and collect garbage at different times. */
const PAIRS = 6;
const ROUNDS = 5;
const SECONDS = 2;
/** Time in which the lines of the last calls are written. */
const WRITE_MS = 2_200;

const SOURCE = 'export const handler = () => ({ hello: "world" });\n';

/**
 * Measures the CPU time of the server per call, with and without a line for each call in the log. Both servers are under load at the same time, so that what
 * else runs on the machine affects both alike; the ratio is the median over all rounds.
 */
export async function accessLog(): Promise<Row[]> {
  const missing = missingPrograms("wrk");
  if (missing.length > 0) throw new Error(`Expected ${missing.join(", ")} to be installed`);
  const rounds: { readonly on: number; readonly off: number }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    await using on = await startServer("on");
    await using off = await startServer("off");
    const measure = async () => {
      const [withLines = 0, without = 0] = await Promise.all([on, off].map(microsPerCall));
      return { on: withLines, off: without };
    };
    // Compiles the code.
    await measure();
    for (let round = 0; round < ROUNDS; round++) rounds.push(await measure());
  }
  const micros = (side: "on" | "off") => `${median(rounds.map((round) => round[side])).toFixed(1)} us`;
  return [
    {
      measure: "CPU of the server per call, with a line for each call in the log",
      baseline: `\`--access-log off\`: ${micros("off")}`,
      ours: micros("on"),
      value: median(rounds.map((round) => round.on / round.off)),
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
