import { seeded } from "@faas/testing";
import { Executions, FUNCTION } from "../executions.ts";
import { type Failure, IDEMPOTENT, Load, POST, printFailures } from "../load.ts";
import { type FaultOptions, type FaultResult, type FaultRow, resultOf } from "../part.ts";
import { addressFor, type PlatformName, platformsHere, Served } from "../served.ts";

const REPLICAS = 3;
/** Calls between two kills. */
const MIN_CALLS = 20;
const MAX_CALLS = 40;

/** Kills replicas under load: calls that are safe to repeat must succeed, others must be executed at most once. */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const rows: FaultRow[] = [];
  for (const platform of options.platforms ?? platformsHere) rows.push(...(await killOn(platform, options)));
  return resultOf(rows, options.print);
}

export async function killOn(platform: PlatformName, options: FaultOptions): Promise<FaultRow[]> {
  await using executions = await Executions.start();
  await using served = await Served.start(platform);
  const counter = `http://${addressFor(platform)}:${executions.port}`;
  const artifact = await served.artifact(FUNCTION);
  const settings = { replicas: REPLICAS, scaler: "fixed", idleTimeout: "never", env: { COUNTER: counter } } as const;
  await served.deploy("killed", artifact, settings);
  await served.ready("killed", REPLICAS);
  const url = `${served.url}/${served.org}/killed`;
  const idempotent = new Load(url, IDEMPOTENT, 8);
  const posts = new Load(url, POST, 2);
  let kills: readonly Kill[];
  try {
    kills = await killReplicas(served, [idempotent, posts], options);
  } finally {
    await Promise.all([idempotent.stop(), posts.stop()]);
  }
  printFailures(idempotent.failures, options.print);
  return [
    {
      what: `replica killed under load, ${platform}: GET, HEAD, OPTIONS, PUT, DELETE, POST with Idempotency-Key`,
      faults: kills.length,
      tried: idempotent.calls,
      of: "calls",
      lost: idempotent.failures.length,
    },
    postRow(platform, posts, executions, kills, options.print),
  ];
}

/** Kills one replica at a time, after a random number of calls, and waits until all are ready again. */
async function killReplicas(
  served: Served,
  loads: readonly Load[],
  { long, seed, print }: FaultOptions,
): Promise<readonly Kill[]> {
  const times = long ? 100 : 3;
  const random = seeded(seed);
  const kills: Kill[] = [];
  while (kills.length < times) {
    const calls = MIN_CALLS + Math.floor(random() * (MAX_CALLS - MIN_CALLS));
    await Promise.all(loads.map((load) => load.untilMoreCalls(calls)));
    const { replicas } = await served.ready("killed", REPLICAS);
    const victim = replicas[Math.floor(random() * replicas.length)];
    const startMs = performance.now();
    await served.kill(victim?.id as string);
    await served.until("killed", "without the killed replica", (view) =>
      view.replicas.every(({ id, ready }) => id !== victim?.id || !ready),
    );
    kills.push({ startMs, doneMs: performance.now() });
    await served.ready("killed", REPLICAS);
    const calledSoFar = loads.reduce((sum, load) => sum + load.calls, 0);
    if (kills.length % 20 === 0) print(`${served.platform}: ${kills.length} kills, ${calledSoFar} calls`);
  }
  await Promise.all(loads.map((load) => load.untilNewCalls()));
  return kills;
}

/** Checks that no POST was executed twice, and that each kill failed at most one POST per client, with 502. */
function postRow(
  platform: PlatformName,
  posts: Load,
  executions: Executions,
  kills: readonly Kill[],
  print: FaultOptions["print"],
): FaultRow {
  const twice = posts.failures.filter(({ id }) => (executions.counts.get(id.split(" ")[1] as string) ?? 0) > 1);
  const doubled = posts.succeeded.filter((id) => executions.counts.get(id) !== 1);
  const again = withoutKill(posts.failures, kills);
  const others = posts.failures.filter(({ status }) => status !== 502);
  for (const [what, failures] of Object.entries({
    "executed twice": twice,
    "failed more than once for a kill": again,
    others,
  })) {
    if (failures.length > 0) print(`${what}:`);
    printFailures(failures, print);
  }
  for (const id of doubled.slice(0, 5))
    print(`${id} succeeded, and was executed ${executions.counts.get(id) ?? 0} times`);
  return {
    what: `replica killed under load, ${platform}: POST`,
    faults: kills.length,
    tried: posts.calls,
    of: "calls",
    lost: twice.length + doubled.length + again.length + others.length,
    seen: `${posts.failures.length} failed with 502: ${again.length} more than once for a kill, ${twice.length + doubled.length} executed twice or not at all`,
  };
}

interface Kill {
  readonly startMs: number;
  /** Time at which the server has noticed. */
  readonly doneMs: number;
}

/** Returns the failures that no kill explains: each client has one call at a time, so each kill explains one failure per client. */
function withoutKill(failures: readonly Failure[], kills: readonly Kill[]): Failure[] {
  const used = new Map<number, Set<Kill>>();
  return failures.filter(({ client, sentMs, failedMs }) => {
    const own = used.get(client) ?? new Set();
    used.set(client, own);
    const kill = kills.find((each) => !own.has(each) && each.startMs <= failedMs && each.doneMs >= sentMs);
    if (kill) own.add(kill);
    return kill === undefined;
  });
}
