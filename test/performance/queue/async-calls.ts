import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, HttpClient } from "@faas/testing";
import { LocalServer } from "../rig/local-server.ts";
import { median, type Row } from "../rig/table.ts";
import { usage } from "../rig/usage.ts";
import { missingPrograms, type WrkRun, wrk } from "../rig/wrk.ts";

const CONNECTIONS = 64;
const SECONDS = 5;
const ROUNDS = 3;
const BODY_BYTES = 1024;

/** Function whose calls wait until a file exists. */
const source = (gate: string) => `import { existsSync } from "node:fs";
let isOpen = false;
export const handler = async () => {
  while (!isOpen) {
    isOpen = existsSync(${JSON.stringify(gate)});
    if (!isOpen) await new Promise((done) => setTimeout(done, 50));
  }
  return { hello: "world" };
};
`;

interface Round {
  readonly accepted: WrkRun;
  readonly delivered: Speed;
  readonly direct: Speed;
}

interface Speed {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

/** Measures how fast asynchronous calls are accepted, and delivered, against direct calls. */
export async function asyncCalls(): Promise<Row[]> {
  const missing = missingPrograms("wrk");
  if (missing.length > 0) throw new Error(`Expected ${missing.join(", ")} to be installed`);
  const rounds: Round[] = [];
  for (let number = 0; number < ROUNDS; number++) rounds.push(await measureRound());
  const of = (value: (round: Round) => number) => median(rounds.map(value));
  return [
    {
      measure: `asynchronous calls accepted per second, ${CONNECTIONS} connections, ${BODY_BYTES} bytes each, on disk`,
      baseline: "-",
      ours: `${of(({ accepted }) => accepted.rate).toFixed(0)}/s`,
      value: of(({ accepted }) => accepted.rate),
      ...{ goal: 5_000, unit: "calls/s", atLeast: true },
    },
    {
      measure: "waiting calls delivered per second",
      baseline: `direct calls: ${of(({ direct }) => direct.perSecond).toFixed(0)}/s`,
      ours: `${of(({ delivered }) => delivered.perSecond).toFixed(0)}/s`,
      value: of(({ delivered, direct }) => delivered.perSecond / direct.perSecond),
      ...{ goal: 0.7, unit: "x", atLeast: true },
    },
    {
      measure: "the same, CPU of the server per call",
      baseline: `direct calls: ${of(({ direct }) => direct.cpuMicros).toFixed(0)} us`,
      ours: `${of(({ delivered }) => delivered.cpuMicros).toFixed(0)} us`,
      value: of(({ delivered, direct }) => delivered.cpuMicros / direct.cpuMicros),
      ...{ goal: 2, unit: "x" },
    },
  ];
}

async function measureRound(): Promise<Round> {
  await using server = await LocalServer.start(["--isolation", "off"]);
  using client = new HttpClient(server.url);
  const gate = join(server.folder, "gate");
  await server.deploy("work", "index.mjs", source(gate), "--idle-timeout", "never", "--timeout", "5m");
  await client.json("PUT", "/-/orgs/acme", { limits: { waitingCalls: 1_000_000, waitingBytes: "8Gi" } });
  const url = `${server.url}/acme/work`;
  const body = { bytes: BODY_BYTES, type: "text/plain" };
  const accepted = await wrk(server.folder, url, {
    connections: CONNECTIONS,
    seconds: SECONDS,
    body,
    prefer: "respond-async",
  });
  if (accepted.errors > 0) throw new Error(`${accepted.errors} asynchronous calls were not accepted`);
  const { waiting, running } = await totals(client);
  const before = await usage(server.pid);
  const began = performance.now();
  await writeFile(gate, "");
  await eventually(
    "all are delivered",
    async () => {
      const now = await totals(client);
      return now.waiting + now.running === 0;
    },
    { timeoutMs: 120_000 },
  );
  const delivered = await speed(server.pid, waiting + running, before, began);
  const beforeDirect = await usage(server.pid);
  const beganDirect = performance.now();
  const { requests } = await wrk(server.folder, url, { connections: CONNECTIONS, seconds: SECONDS, body });
  const direct = await speed(server.pid, requests, beforeDirect, beganDirect);
  return { accepted, delivered, direct };
}

interface Totals {
  readonly waiting: number;
  readonly running: number;
}

const totals = async (client: HttpClient) =>
  (await client.json<{ readonly totals: Totals }>("GET", "/-/orgs/acme/calls?limit=1")).totals;

async function speed(
  pid: number,
  calls: number,
  before: Awaited<ReturnType<typeof usage>>,
  began: number,
): Promise<Speed> {
  const seconds = (performance.now() - began) / 1000;
  const { cpuSeconds } = await usage(pid);
  return { perSecond: calls / seconds, cpuMicros: ((cpuSeconds - before.cpuSeconds) * 1e6) / calls };
}
