import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { FaasProcess, tempDir } from "@faas/testing";
import { median, type Row } from "./rig/table.ts";
import { missingPrograms, wrk } from "./rig/wrk.ts";

/** Servers: what one compiles and when it collects garbage may favor one side. */
const SERVERS = 3;
/** Rounds for each server; the first ones, while code is compiled, are not counted. */
const ROUNDS = 60;
const ROUNDS_TO_COMPILE = 6;
/** Time for all rounds of a server, and to spare. */
const SECONDS = 85;
const CONNECTIONS = 10;

const SOURCE = 'export const handler = () => ({ hello: "world" });\n';

/** `off` is measured twice in each round: how far the two are apart is what the measurement cannot tell. */
const SIDES = ["off", "on", "off again"] as const;
type Side = (typeof SIDES)[number];
type Round = Readonly<Record<Side, number>>;

/**
 * Measures the CPU time of the server per call, with and without a line for each call in the log. The lines of one server are switched off and on in turns while
 * it is called: two servers with the same options differ by more than the lines cost.
 */
export async function accessLog(): Promise<Row[]> {
  const missing = missingPrograms("wrk");
  if (missing.length > 0) throw new Error(`Expected ${missing.join(", ")} to be installed`);
  const rounds: Round[] = [];
  for (let number = 0; number < SERVERS; number++) rounds.push(...(await measureServer()));
  const micros = (side: Side) => `${median(rounds.map((round) => round[side])).toFixed(1)} us`;
  const withoutLine = (round: Round) => (round.off + round["off again"]) / 2;
  const ratio = (ours: Side, baseline: (round: Round) => number) =>
    median(rounds.map((round) => round[ours] / baseline(round)));
  return [
    {
      measure: "CPU of the server per call, with a line for each call in the log",
      baseline: `without: ${micros("off")}`,
      ours: micros("on"),
      value: ratio("on", withoutLine),
      goal: 1.03,
      unit: "x",
    },
    {
      measure: "the same without a line, against itself",
      baseline: micros("off"),
      ours: micros("off again"),
      value: ratio("off again", ({ off }) => off),
      // In a run that misses this, the row above says nothing.
      goal: 1.02,
      unit: "x",
    },
  ];
}

async function measureServer(): Promise<Round[]> {
  await using cli = new FaasProcess();
  const program = join(import.meta.dirname, "rig/switched-access-log.ts");
  const server = fork(program, [join(cli.folder, "data")], {
    execArgv: ["--conditions=faas-source", "--import", "tsx"],
  });
  try {
    const [url] = (await once(server, "message")) as [string];
    const source = await cli.source("hello", { "index.mjs": SOURCE });
    await cli.succeed(["deploy", source, "--org", "acme", "--endpoint", "hello", "--server", url]);
    const calls = wrk(tempDir("wrk"), `${url}/acme/hello`, { connections: CONNECTIONS, seconds: SECONDS });
    const rounds: Round[] = [];
    for (let number = 0; number < ROUNDS; number++) {
      // In turns, so that each side is first, second and third as often.
      const sides = SIDES.map((_, turn) => SIDES[(number + turn) % SIDES.length] as Side);
      server.send(sides.map((side) => (side === "on" ? "on" : "off")));
      const [micros] = (await once(server, "message")) as [number[]];
      rounds.push(Object.fromEntries(sides.map((side, turn) => [side, micros[turn]])) as unknown as Round);
    }
    const { requests, errors } = await calls;
    if (errors > 0) throw new Error(`${errors} of ${requests} calls failed`);
    return rounds.slice(ROUNDS_TO_COMPILE);
  } finally {
    server.disconnect();
    await once(server, "exit");
  }
}
