import { setTimeout as delay } from "node:timers/promises";
import { tempDir } from "@faas/testing";
import { LocalServer } from "./rig/local-server.ts";
import { median, type Row } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";
import { missingPrograms, wrk } from "./rig/wrk.ts";

const ROUNDS = 15;
const SECONDS = 2;
/** Time in which the lines of the last calls are written. */
const WRITE_MS = 1_500;

const SOURCE = 'export const handler = () => ({ hello: "world" });\n';

/**
 * Measures the CPU time of the server and of the replica per call, with and without a line for each call in the log. Runs alternate, and the order changes
 * from round to round; the ratio is the median of the ratios of the rounds.
 */
export async function accessLog(): Promise<Row[]> {
  const missing = missingPrograms("wrk");
  if (missing.length > 0) throw new Error(`Expected ${missing.join(", ")} to be installed`);
  await using on = await measuredServer("on");
  await using off = await measuredServer("off");
  const rounds: { readonly on: number; readonly off: number }[] = [];
  for (const server of [on, off]) await server.microsPerCall();
  for (let round = 0; round < ROUNDS; round++) {
    const first = round % 2 === 0 ? await on.microsPerCall() : undefined;
    const withoutLines = await off.microsPerCall();
    rounds.push({ on: first ?? (await on.microsPerCall()), off: withoutLines });
  }
  const micros = (side: "on" | "off") => `${median(rounds.map((round) => round[side])).toFixed(1)} us`;
  return [
    {
      measure: "CPU per call, with a line for each call in the log",
      baseline: `\`--access-log off\`: ${micros("off")}`,
      ours: micros("on"),
      value: median(rounds.map((round) => round.on / round.off)),
      goal: 1.03,
      unit: "x",
    },
  ];
}

async function measuredServer(mode: "on" | "off") {
  const server = await LocalServer.start(["--access-log", mode]);
  try {
    await server.deploy("hello", "index.mjs", SOURCE);
    const url = `${server.url}/acme/hello`;
    const folder = tempDir("wrk");
    return {
      async microsPerCall() {
        const before = (await usage(server.pid)).cpuSeconds;
        const { requests, errors } = await wrk(folder, url, { connections: 10, seconds: SECONDS });
        if (errors > 0) throw new Error(`${errors} of ${requests} calls failed`);
        await delay(WRITE_MS);
        return (((await usage(server.pid)).cpuSeconds - before) * 1e6) / requests;
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}
