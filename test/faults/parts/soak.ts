import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Artifact } from "@faas/core";
import { type Random, seeded } from "@faas/testing";
import { Agent } from "undici";
import { FUNCTION } from "../executions.ts";
import { IDEMPOTENT, Load, printFailures } from "../load.ts";
import { type FaultOptions, type FaultResult, type FaultRow, resultOf } from "../part.ts";
import { processFacts } from "../process-facts.ts";
import { type PlatformName, platformsHere, Served } from "../served.ts";
import { grows, slopeOf } from "../slope.ts";

/** Allowed growth along the line, by the name of a measure. */
const ALLOWED: Readonly<Record<string, number>> = { residentMiB: 8, heapMiB: 4 };
const ALLOWED_OTHERS = 1;
/** Share of samples at the beginning that are ignored: a server that has just started still loads and compiles code. */
const WARM_UP = 0.3;

/** Maximum number of calls between two faults of a round. */
const MAX_CALLS = 60;

type Sample = Readonly<Record<string, number>>;

/** Repeats rounds of load, deployments, kills, removals and idleness, and measures the server's resources between them, when nothing is in progress. */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const rows: FaultRow[] = [];
  for (const platform of options.long ? (options.platforms ?? platformsHere) : (["embedded"] as const))
    rows.push(await soakOn(platform, options));
  return resultOf(rows, options.print);
}

async function soakOn(platform: PlatformName, { long, seed, minutes = 30, print }: FaultOptions): Promise<FaultRow> {
  const endMs = Date.now() + (long ? minutes : 0.5) * 60_000;
  const random = seeded(seed);
  await using served = await Served.start(platform);
  const artifact = await served.artifact(FUNCTION);
  const samples: { readonly minute: number; readonly sample: Sample }[] = [];
  const began = Date.now();
  let calls = 0;
  let failed = 0;
  let round = 0;
  while (Date.now() < endMs || round < 3) {
    const outcome = await oneRound(served, artifact, random, ++round);
    calls += outcome.calls;
    failed += outcome.failures.length;
    printFailures(outcome.failures, print);
    const sample = await sampleOf(served);
    samples.push({ minute: (Date.now() - began) / 60_000, sample });
    if (round % 10 === 1) print(`${platform}, round ${round}: ${JSON.stringify(sample)}`);
  }
  const warm = samples.slice(Math.floor(samples.length * WARM_UP));
  let growing = 0;
  for (const name of Object.keys(warm[0]?.sample ?? {})) {
    const slope = slopeOf(warm.map(({ minute, sample }) => [minute, sample[name] as number] as const));
    const isGrowing = grows(slope, ALLOWED[name] ?? ALLOWED_OTHERS);
    if (isGrowing) growing++;
    const of = `${warm[0]?.sample[name]?.toFixed(1)} to ${warm.at(-1)?.sample[name]?.toFixed(1)}`;
    print(
      `${name}: ${slope.perX.toFixed(3)} ± ${slope.error.toFixed(3)} a minute (${of}): ${isGrowing ? "GROWS" : "flat"}`,
    );
  }
  return {
    what: `soak, ${platform}: repeated deployments, kills, removals and idle phases`,
    faults: round,
    tried: calls,
    of: `calls in ${Math.round((Date.now() - began) / 60_000)} minutes`,
    lost: failed + growing,
    seen:
      growing === 0
        ? "no growth of memory, handles, descriptors, sockets, processes or files"
        : `${growing} of the measures grow`,
  };
}

/** Runs a round; at its end, nothing is in progress and no replica exists. */
async function oneRound(served: Served, artifact: Artifact, random: Random, round: number): Promise<Load> {
  const settings = { replicas: 2, scaler: "fixed", idleTimeout: "1s" } as const;
  await served.deploy("soaked", artifact, { ...settings, env: { REVISION: `first ${round}` } });
  const load = new Load(`${served.url}/${served.org}/soaked`, IDEMPOTENT, 4, 10);
  try {
    const { replicas } = await served.ready("soaked", 2);
    await load.untilMoreCalls(Math.floor(random() * MAX_CALLS));
    await served.kill(replicas[Math.floor(random() * 2)]?.id as string);
    await load.untilMoreCalls(Math.floor(random() * MAX_CALLS));
    await served.deploy("soaked", artifact, { ...settings, env: { REVISION: `second ${round}` } });
    await load.untilMoreCalls(Math.floor(random() * MAX_CALLS));
    // The name of this endpoint is used once.
    const passing = `passing-${round}`;
    await served.deploy(passing, artifact, settings);
    for (let call = 0; call < 20; call++) await served.text(`/${served.org}/${passing}`);
    await served.send("DELETE", `/-/orgs/${served.org}/endpoints/${passing}`);
    await abandonCalls(`${served.url}/${served.org}/soaked`);
  } finally {
    await load.stop();
  }
  await served.until("soaked", "idle", ({ phase, replicas }) => phase === "idle" && replicas.length === 0);
  return load;
}

/** Sends calls and closes their connections before the response. */
async function abandonCalls(url: string): Promise<void> {
  const { origin, pathname } = new URL(url);
  const agent = new Agent();
  const signal = AbortSignal.timeout(5);
  const calls = Array.from({ length: 10 }, () => agent.request({ origin, path: pathname, method: "GET", signal }));
  await Promise.allSettled(calls);
  await agent.destroy();
}

async function sampleOf(served: Served): Promise<Sample> {
  // Keep-alive connections time out, and the garbage of the last replica is collected.
  await delay(6_000);
  const metrics = await served.text("/-/metrics");
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)`, "m").exec(metrics)?.[1]);
  const { data } = served.faas;
  const files = async (...path: string[]) =>
    (await readdir(join(data, ...path), { recursive: true }).catch(() => [])).length;
  return {
    ...(await processFacts(served.pid)),
    heapMiB: value("nodejs_heap_size_used_bytes") / 2 ** 20,
    handles: value("nodejs_active_handles_total"),
    samples: metrics.split("\n").length,
    logs: await files("logs"),
    records: await files("run"),
    ...(served.platform === "kubernetes" ? await objectsOf(served) : {}),
  };
}

/** Kinds of objects in the cluster that belong to an organization. */
const OBJECTS = {
  pods: "api/v1",
  services: "api/v1",
  secrets: "api/v1",
  configmaps: "api/v1",
  deployments: "apis/apps/v1",
  replicasets: "apis/apps/v1",
  endpointslices: "apis/discovery.k8s.io/v1",
  horizontalpodautoscalers: "apis/autoscaling/v2",
} as const;

/** Counts the objects of each kind. */
async function objectsOf({ api, org }: Served): Promise<Sample> {
  const counts: Record<string, number> = {};
  for (const [plural, group] of Object.entries(OBJECTS)) {
    const { items } = await api.call<{ items: unknown[] }>("GET", `/${group}/namespaces/faas-${org}/${plural}`);
    counts[plural] = items.length;
  }
  return counts;
}
