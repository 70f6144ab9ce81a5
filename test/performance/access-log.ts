import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FaasProcess, tempDir } from "@faas/testing";
import { median, type Row } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";
import { missingPrograms, wrk } from "./rig/wrk.ts";

/** Servers: what one compiles and when it collects garbage may favor one side. */
const SERVERS = 3;
const ROUNDS = 9;
const SECONDS = 2;
/** Time in which the lines of the last calls are written. */
const WRITE_MS = 2_200;

const SOURCE = 'export const handler = () => ({ hello: "world" });\n';

/**
 * Measures the CPU time of the server per call, with and without a line for each call in the log. The lines of one server are switched off and on in turns: two
 * servers with the same options differ by more than the lines cost.
 */
export async function accessLog(): Promise<Row[]> {
  const missing = missingPrograms("wrk");
  if (missing.length > 0) throw new Error(`Expected ${missing.join(", ")} to be installed`);
  const rounds: { readonly on: number; readonly off: number }[] = [];
  for (let number = 0; number < SERVERS; number++) rounds.push(...(await measureServer()));
  const micros = (side: "on" | "off") => `${median(rounds.map((round) => round[side])).toFixed(1)} us`;
  return [
    {
      measure: "CPU of the server per call, with a line for each call in the log",
      baseline: `without: ${micros("off")}`,
      ours: micros("on"),
      value: median(rounds.map((round) => round.on / round.off)),
      goal: 1.03,
      unit: "x",
    },
  ];
}

async function measureServer() {
  await using cli = new FaasProcess();
  const program = join(import.meta.dirname, "rig/switched-access-log.ts");
  const server = fork(program, [join(cli.folder, "data")], {
    execArgv: ["--conditions=faas-source", "--import", "tsx"],
  });
  try {
    const [url] = (await once(server, "message")) as [string];
    const source = await cli.source("hello", { "index.mjs": SOURCE });
    await cli.succeed(["deploy", source, "--org", "acme", "--endpoint", "hello", "--server", url]);
    const measure = async (side: "on" | "off") => {
      server.send(side);
      await once(server, "message");
      return microsPerCall(server, url);
    };
    // Compiles the code.
    await measure("on");
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) {
      // In turns, so that neither side is always the second one.
      const first = round % 2 === 0 ? "off" : "on";
      const second = round % 2 === 0 ? "on" : "off";
      const micros = { [first]: await measure(first), [second]: await measure(second) };
      rounds.push(micros as { readonly on: number; readonly off: number });
    }
    return rounds;
  } finally {
    server.disconnect();
    await once(server, "exit");
  }
}

async function microsPerCall({ pid = 0 }: ChildProcess, url: string): Promise<number> {
  const before = (await usage(pid)).cpuSeconds;
  const { requests, errors } = await wrk(tempDir("wrk"), `${url}/acme/hello`, { connections: 10, seconds: SECONDS });
  if (errors > 0) throw new Error(`${errors} of ${requests} calls failed`);
  await delay(WRITE_MS);
  return (((await usage(pid)).cpuSeconds - before) * 1e6) / requests;
}
