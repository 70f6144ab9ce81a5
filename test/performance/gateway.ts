import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LocalServer } from "./rig/local-server.ts";
import { Peers } from "./rig/peers.ts";
import { median, type Row } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";
import { missingPrograms, type WrkOptions, type WrkRun, wrk } from "./rig/wrk.ts";

export const HELLO = 'export const handler = () => ({ message: "hello" });\n';
export const ECHO =
  'export const handler = ({ body }) => ({ status: 200, headers: { "content-type": "application/octet-stream" }, body });\n';
export const ALWAYS = ["--scaler", "fixed", "--replicas", "1", "--max-replicas", "1", "--idle-timeout", "never"];
const ROUNDS = 11;
const SECONDS = 2;
/** Number of calls before memory is compared: an hour at 555 per second. */
const MANY = 2_000_000;
const FIRST = 200_000;
const MIB = 2 ** 20;

/**
 * Measures the gateway with all its features against HAProxy with one thread in front of the same replica, and against an identical replica that is called
 * directly.
 */
export async function gateway(): Promise<Row[]> {
  const missing = missingPrograms("wrk", "haproxy");
  if (missing.length > 0)
    throw new Error(`Expected ${missing.join(" and ")} to be installed: apt-get install ${missing.join(" ")}`);
  await using server = await LocalServer.start();
  await server.deploy("hello", "index.mjs", HELLO, ...ALWAYS);
  await server.deploy("echo", "index.mjs", ECHO, ...ALWAYS);
  await using peers = new Peers(server.folder);
  const small: Targets = {
    ours: `${server.url}/acme/hello`,
    haproxy: (await peers.haproxy(await socketOf(server, "hello"))).url,
    direct: (await peers.node(HELLO)).url,
    original: await peers.original(),
  };
  const large: Targets = {
    ours: `${server.url}/acme/echo`,
    haproxy: (await peers.haproxy(await socketOf(server, "echo"))).url,
  };
  return [
    ...(await smallCalls(server, small)),
    ...(await oneConnection(server, small)),
    ...(await manyConnections(server, small)),
    ...(await largeBodies(server, large)),
    await longLoad(server, small.ours),
  ];
}

interface Targets {
  readonly ours: string;
  readonly haproxy: string;
  readonly direct?: string;
  readonly original?: string;
}

type Runs = Readonly<Record<keyof Targets, readonly WrkRun[]>>;

/** Runs each target once per round, so that noise affects all alike; the first round warms up. */
async function inTurns(server: LocalServer, targets: Targets, options: WrkOptions, rounds = ROUNDS): Promise<Runs> {
  const runs = { ours: [] as WrkRun[], haproxy: [] as WrkRun[], direct: [] as WrkRun[], original: [] as WrkRun[] };
  for (let round = 0; round <= rounds; round++) {
    for (const name of ["ours", "haproxy", "direct", "original"] as const) {
      const url = targets[name];
      if (url === undefined) continue;
      const run = await wrk(server.folder, url, options);
      if (round > 0) runs[name].push(run);
    }
  }
  return runs;
}

/** Returns the median of the rounds' ratios. */
function ratioOf(runs: Runs, of: (run: WrkRun) => number, to: "haproxy" | "direct" | "original" = "haproxy"): number {
  return median(runs.ours.map((run, i) => of(run) / of(runs[to][i] as WrkRun)));
}

const middle = (runs: readonly WrkRun[], of: (run: WrkRun) => number) => median(runs.map(of));
const rate = ({ rate }: WrkRun) => rate;
const p50 = ({ p50Us }: WrkRun) => p50Us;
const p99 = ({ p99Us }: WrkRun) => p99Us;
const ms = (us: number) => `${(us / 1000).toFixed(2)} ms`;
const perSecond = (value: number) => `${value.toFixed(0)}/s`;

async function smallCalls(server: LocalServer, targets: Targets): Promise<Row[]> {
  const runs = await inTurns(server, targets, { connections: 10, seconds: SECONDS });
  return [
    {
      measure: "gateway, 10 connections, tiny JSON: calls",
      baseline: `HAProxy, one thread, the same replica: ${perSecond(middle(runs.haproxy, rate))}`,
      ours: perSecond(middle(runs.ours, rate)),
      value: ratioOf(runs, rate),
      goal: 0.9,
      unit: "x",
      atLeast: true,
    },
    {
      measure: "gateway, 10 connections, tiny JSON: calls",
      baseline: `the original's gateway and function: ${perSecond(middle(runs.original, rate))}`,
      ours: perSecond(middle(runs.ours, rate)),
      value: ratioOf(runs, rate, "original"),
      goal: 40,
      unit: "x",
      atLeast: true,
    },
    ...latencies("10 connections", runs),
  ];
}

/** Measures sequential calls: the latency that the gateway adds when nothing waits for the CPU. */
async function oneConnection(server: LocalServer, { ours, haproxy, direct }: Targets): Promise<Row[]> {
  const targets = { ours, haproxy, ...(direct === undefined ? {} : { direct }) };
  return latencies("1 connection", await inTurns(server, targets, { connections: 1, seconds: SECONDS }));
}

function latencies(what: string, runs: Runs): Row[] {
  const added = median(runs.ours.map((run, i) => run.p50Us - (runs.direct[i] as WrkRun).p50Us));
  const baseline = (of: (run: WrkRun) => number) =>
    `the wrapper alone: ${ms(middle(runs.direct, of))}; with HAProxy: ${ms(middle(runs.haproxy, of))}`;
  return [
    {
      measure: `gateway, ${what}: added p50`,
      baseline: baseline(p50),
      ours: ms(middle(runs.ours, p50)),
      value: added,
      goal: 150,
      unit: "us",
    },
    {
      measure: `gateway, ${what}: p99`,
      baseline: baseline(p99),
      ours: ms(middle(runs.ours, p99)),
      value: ratioOf(runs, p99, "direct"),
      goal: 2,
      unit: "x",
    },
  ];
}

async function manyConnections(server: LocalServer, { ours, haproxy }: Targets): Promise<Row[]> {
  const runs = await inTurns(server, { ours, haproxy }, { connections: 1_000, seconds: 4 }, 5);
  const errors = runs.ours.reduce((sum, run) => sum + run.errors, 0);
  return [
    {
      measure: "gateway, 1,000 connections: p99",
      baseline: `HAProxy: ${ms(middle(runs.haproxy, p99))}`,
      ours: ms(middle(runs.ours, p99)),
      value: ratioOf(runs, p99),
      goal: 1.2,
      unit: "x",
    },
    {
      measure: "gateway, 1,000 connections: errors",
      baseline: "",
      ours: `${errors} of ${runs.ours.reduce((sum, run) => sum + run.requests, 0)}`,
      value: errors,
      goal: 0,
      unit: "errors",
    },
  ];
}

async function largeBodies(server: LocalServer, targets: Targets): Promise<Row[]> {
  const body = { bytes: MIB, type: "application/octet-stream" };
  const options = { connections: 10, seconds: SECONDS, body };
  await wrk(server.folder, targets.ours, options);
  const before = await usage(server.pid);
  const runs = await inTurns(server, targets, options);
  const after = await usage(server.pid);
  const grown = after.residentMiB - before.residentMiB;
  const bytes = ({ bytesRate }: WrkRun) => bytesRate;
  return [
    {
      measure: "gateway, 1 MiB bodies in both directions: throughput",
      baseline: `HAProxy: ${(middle(runs.haproxy, bytes) / MIB).toFixed(0)} MiB/s`,
      ours: `${(middle(runs.ours, bytes) / MIB).toFixed(0)} MiB/s`,
      value: ratioOf(runs, bytes),
      goal: 0.9,
      unit: "x",
      atLeast: true,
    },
    {
      measure: "gateway, 1 MiB bodies in both directions: memory at the end, against after 2 s",
      baseline: `${before.residentMiB.toFixed(0)} MiB`,
      ours: `${after.residentMiB.toFixed(0)} MiB`,
      value: grown,
      goal: 32,
      unit: "MiB more",
    },
  ];
}

async function longLoad(server: LocalServer, url: string): Promise<Row> {
  let calls = 0;
  const untilCalls = async (count: number) => {
    while (calls < count) calls += (await wrk(server.folder, url, { connections: 10, seconds: 5 })).requests;
    // Memory of the last calls is released.
    await delay(2_000);
    return usage(server.pid);
  };
  const first = await untilCalls(FIRST);
  const last = await untilCalls(MANY);
  return {
    measure: `gateway, memory after ${(calls / 1e6).toFixed(1)} million calls`,
    baseline: `after ${FIRST.toLocaleString("en")}: ${first.residentMiB.toFixed(0)} MiB`,
    ours: `${last.residentMiB.toFixed(0)} MiB`,
    value: last.residentMiB / first.residentMiB,
    goal: 1.1,
    unit: "x",
  };
}

async function socketOf(server: LocalServer, endpoint: string): Promise<string> {
  const response = await fetch(`${server.url}/-/orgs/acme/endpoints/${endpoint}`);
  const { replicas } = (await response.json()) as { replicas: { id: string }[] };
  const record = join(server.folder, "data/run", `${replicas[0]?.id}.json`);
  const { leftovers } = JSON.parse(await readFile(record, "utf8"));
  return leftovers[0];
}
