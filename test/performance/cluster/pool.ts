import { eventually } from "@faas/testing";
import type { V1Pod } from "@kubernetes/client-node";
import { median, percentile, type Row, ratio, timed } from "../rig/table.ts";
import type { Bench } from "./bench.ts";
import { drawStarts, type ObservedStart } from "./start-stages.ts";

const ROUNDS = 30;
/** Pods that wait for the endpoints of a burst. */
const BURST_PODS = 3;
/** Numbers of endpoints that are called at the same time, and how often. */
const BURSTS = [
  { size: 6, rounds: 8 },
  { size: 20, rounds: 3 },
];
const WARM = "faas/warm";
/** A variable that Node and Python read at their start: an endpoint that has it gets no warm pod. */
export const WITHOUT_POOL = ["--env", "TZ=UTC"];

interface Language {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly goals: { readonly median: number; readonly p95: number };
}

const SMALL = { median: 0.08, p95: 0.15 };
const HEAVY = { median: 0.3, p95: 0.3 };
const LANGUAGES: readonly Language[] = [
  { name: "Node", files: { "index.mjs": 'export const handler = () => ({ message: "hello" });\n' }, goals: SMALL },
  {
    name: "Python",
    files: { "main.py": 'def handler(event, context):\n    return {"message": "hello"}\n' },
    goals: SMALL,
  },
  {
    name: "FastAPI",
    files: {
      "main.py":
        'from fastapi import FastAPI\napp = FastAPI()\n@app.get("/")\ndef hello():\n    return {"message": "hello"}\n',
      "requirements.txt": "fastapi\n",
    },
    goals: HEAVY,
  },
  {
    name: "numpy",
    files: {
      "main.py": "import numpy\ndef handler(event, context):\n    return {'sum': int(numpy.arange(10).sum())}\n",
      "requirements.txt": "numpy\n",
    },
    goals: HEAVY,
  },
];

/** Bars of the chart of a cold start's stages, by endpoint. */
const DRAWN = [
  ["new-node", "Node, new pod"],
  ["warm-node", "Node, warm pod"],
  ["new-python", "Python, new pod"],
  ["warm-python", "Python, warm pod"],
] as const;

/** Measures cold starts from a warm pod against those of the same function in a new pod, in turns, and what waiting pods cost. */
export async function warmPool(bench: Bench): Promise<Row[]> {
  const starts = await startInTurns(bench, LANGUAGES, ROUNDS);
  await drawStarts(new Map(DRAWN.map(([endpoint, name]) => [name, starts.get(endpoint) ?? []])));
  await untilWaiting(bench, LANGUAGES.length);
  const rows = [...LANGUAGES.flatMap((language) => rowsOf(language, starts)), ...(await idleCost(bench))];
  return [...rows, ...(await bursts(bench))];
}

/** Calls cold endpoints of each language in turns, with and without a pod that waits for them; returns their starts by endpoint. */
async function startInTurns(
  bench: Bench,
  languages: readonly Language[],
  rounds: number,
): Promise<ReadonlyMap<string, readonly ObservedStart[]>> {
  const starts = new Map<string, ObservedStart[]>();
  for (const { name, files } of languages) {
    const source = await bench.source(`pool-${name.toLowerCase()}`, files);
    for (const [kind, settings] of [
      ["warm", []],
      ["new", WITHOUT_POOL],
    ] as const) {
      const endpoint = `${kind}-${name.toLowerCase()}`;
      starts.set(endpoint, []);
      const names = ["--org", bench.org, "--endpoint", endpoint, "--idle-timeout", "100ms"];
      await bench.faas("deploy", source, ...names, ...settings);
    }
  }
  for (let round = 0; round < rounds; round++)
    for (const [endpoint, all] of starts) {
      await untilWaiting(bench, languages.length);
      const tookMs = await bench.coldCall(endpoint);
      // Without them, the replica has stopped already.
      const stages = (await bench.view(endpoint)).replicas[0]?.start ?? [];
      all.push({ tookMs, stages });
    }
  return starts;
}

function rowsOf({ name, goals }: Language, starts: ReadonlyMap<string, readonly ObservedStart[]>): Row[] {
  const timesOf = (kind: string) => (starts.get(`${kind}-${name.toLowerCase()}`) ?? []).map(({ tookMs }) => tookMs);
  const warm = timesOf("warm");
  const fresh = timesOf("new");
  const p95 = (values: readonly number[]) => percentile(values, 0.95);
  const what = `cold start of a ${name} function from a warm pod`;
  return [
    ratio(`${what}, median of ${ROUNDS}`, "in a new pod", median(warm), median(fresh), goals.median),
    ratio(`${what}, p95`, "in a new pod", p95(warm), p95(fresh), goals.p95),
    ...(goals === SMALL ? [absolute(what, median(warm))] : []),
  ];
}

function absolute(what: string, ms: number): Row {
  return { measure: `${what}, median`, baseline: "", ours: `${ms.toFixed(0)} ms`, value: ms, goal: 50, unit: "ms" };
}

/** Calls more cold endpoints at the same time than pods wait for them, in warm pods as far as there are any, and in new ones, in turns. */
async function bursts(bench: Bench): Promise<Row[]> {
  const source = await bench.source("burst", LANGUAGES[0]?.files ?? {});
  await bench.faas("org", "limit", bench.org, "--warm-pods", String(BURST_PODS));
  const nameOf = (kind: string, number: number) => `${kind}-burst-${number}`;
  const rows: Row[] = [];
  let deployed = 0;
  for (const { size, rounds } of BURSTS) {
    for (; deployed < size; deployed++)
      for (const kind of ["warm", "new"] as const) {
        const names = ["--org", bench.org, "--endpoint", nameOf(kind, deployed), "--idle-timeout", "100ms"];
        await bench.faas("deploy", source, ...names, ...(kind === "new" ? WITHOUT_POOL : []));
      }
    const times = { warm: [] as number[], new: [] as number[] };
    for (let round = 0; round < rounds; round++)
      for (const kind of ["warm", "new"] as const) {
        const endpoints = Array.from({ length: size }, (_, number) => nameOf(kind, number));
        for (const each of endpoints) await bench.untilGone(`faas-${bench.org}`, `faas/endpoint=${each}`);
        await untilWaiting(bench, BURST_PODS);
        times[kind].push(...(await Promise.all(endpoints.map((each) => timed(() => bench.call(each))))));
      }
    const what = `${size} cold endpoints at the same time, ${BURST_PODS} and more warm pods`;
    rows.push(
      ratio(`${what}, median`, "in new pods", median(times.warm), median(times.new), 0.4),
      ratio(`${what}, p95`, "in new pods", percentile(times.warm, 0.95), percentile(times.new, 0.95), 0.4),
    );
  }
  return rows;
}

const waiting = async (bench: Bench) =>
  (await bench.api.list<V1Pod & { kind: "Pod" }>("Pod", `faas-${bench.org}`, WARM)).filter(({ status }) =>
    status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True"),
  );

async function untilWaiting(bench: Bench, pods: number): Promise<void> {
  await eventually(`${pods} warm pods wait`, async () => (await waiting(bench)).length >= pods, {
    timeoutMs: 60_000,
    intervalMs: 100,
  });
}

/** Lists what the waiting pods use and request. */
async function idleCost(bench: Bench): Promise<Row[]> {
  const pods = await waiting(bench);
  const requests = pods.map(({ spec }) => spec?.containers[0]?.resources?.requests ?? {});
  const cpu = requests.map(({ cpu: request = "" }) => request).join(", ");
  const memory = requests.map(({ memory: request = "" }) => request).join(", ");
  const used = await Promise.all(pods.map((pod) => memoryOf(bench, pod)));
  const sum = used.reduce((all, mib) => all + mib, 0);
  return [
    {
      measure: `memory of ${pods.length} waiting pods, one per language`,
      baseline: `requests: ${cpu} CPU, ${memory} memory`,
      ours: used.map((mib) => `${mib.toFixed(0)} MiB`).join(" and "),
      value: sum,
      goal: 100,
      unit: "MiB",
    },
  ];
}

/** Returns the memory of a pod's processes, in MiB, as its node counts it. */
async function memoryOf(bench: Bench, { metadata }: V1Pod): Promise<number> {
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/faas-${bench.org}/pods/${metadata?.name}`;
  interface PodMetrics {
    readonly containers: readonly { readonly usage: { readonly memory: string } }[];
  }
  const metrics = await eventually(
    "the metrics of a pod are there",
    () => bench.api.call<PodMetrics>("GET", path).catch(() => undefined),
    { timeoutMs: 90_000, intervalMs: 2_000 },
  );
  return Number.parseInt(metrics.containers[0]?.usage.memory ?? "0", 10) / 1024;
}
