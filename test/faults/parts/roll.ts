import type { Artifact } from "@faas/core";
import { seeded } from "@faas/testing";
import { FUNCTION } from "../executions.ts";
import { IDEMPOTENT, Load, POST, printFailures } from "../load.ts";
import { type FaultOptions, type FaultResult, type FaultRow, resultOf } from "../part.ts";
import { type PlatformName, platformsHere, Served } from "../served.ts";

/** Maximum number of calls between the end of a change and the next one. */
const MAX_CALLS = 80;

/** Deploys repeatedly, and scales up and down, under load. */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const rows: FaultRow[] = [];
  for (const platform of options.platforms ?? platformsHere) rows.push(...(await rollOn(platform, options)));
  return resultOf(rows, options.print);
}

export async function rollOn(platform: PlatformName, { long, seed, print }: FaultOptions): Promise<FaultRow[]> {
  const random = seeded(seed);
  await using served = await Served.start(platform);
  const artifact = await served.artifact(FUNCTION);
  const settings = { replicas: 2, scaler: "fixed", idleTimeout: "never", env: { REVISION: "first" } } as const;
  await served.deploy("rolled", artifact, settings);
  await served.ready("rolled", 2);
  const pause = async (load: Load) => {
    await load.untilNewCalls();
    await load.untilMoreCalls(Math.floor(random() * MAX_CALLS));
  };

  const deploys = await underLoad(served, "redeployed", long ? 50 : 2, print, async (revision, _, load) => {
    await served.deploy("rolled", artifact, { ...settings, env: { REVISION: revision } });
    // Sometimes the next change comes while older replicas drain.
    await pause(load);
  });
  const scales = await underLoad(served, "scaled up and down", long ? 20 : 2, print, async (revision, n, load) => {
    const replicas = n % 2 === 1 ? 4 : 1;
    await served.deploy("rolled", artifact, { ...settings, replicas, env: { REVISION: revision } });
    await served.ready("rolled", replicas);
    await pause(load);
  });
  return [deploys, scales, await idleAndWake(served, artifact, long)];
}

/** Makes a number of changes under load; each deploys the revision that it is given, which must serve a call. */
async function underLoad(
  served: Served,
  what: string,
  times: number,
  print: FaultOptions["print"],
  change: (revision: string, n: number, load: Load) => Promise<void>,
): Promise<FaultRow> {
  const { platform } = served;
  const revision = (n: number) => `${what.replaceAll(" ", "_")}_${n}`;
  const load = new Load(`${served.url}/${served.org}/rolled`, [...IDEMPOTENT, ...POST], 8);
  let wrong = 0;
  try {
    for (let n = 1; n <= times; n++) {
      // A change that fails counts as lost; the next one follows.
      await change(revision(n), n, load).catch((error) => {
        wrong++;
        print(`${platform}, ${what}, ${n}: ${(error as Error).message}`);
      });
      if (n % 10 === 0) print(`${platform}, ${what}: ${n}, ${load.calls} calls`);
    }
  } finally {
    await load.stop();
  }
  printFailures(load.failures, print);
  for (let n = 1; n <= times; n++) {
    if (load.revisions.has(revision(n))) continue;
    wrong++;
    print(`${what}: ${revision(n)} served no call`);
  }
  return {
    what: `${what} under load, ${platform}`,
    faults: times,
    tried: load.calls,
    of: "calls",
    lost: load.failures.length + wrong,
  };
}

/** Calls endpoints around their idle timeout: just when their replicas stop, and a little later. */
async function idleAndWake(served: Served, artifact: Artifact, long: boolean): Promise<FaultRow> {
  const names = Array.from({ length: 4 }, (_, n) => `idle-${n}`);
  for (const name of names) await served.deploy(name, artifact, { replicas: 1, idleTimeout: "1s" });
  // The pauses are around the idle timeout, each a little longer than the previous one.
  const loads = names.map((name, n) => new Load(`${served.url}/${served.org}/${name}`, IDEMPOTENT, 1, 940 + 80 * n));
  await Promise.all(loads.map((load) => load.untilMoreCalls(long ? 75 : 3)));
  await Promise.all(loads.map((load) => load.stop()));
  // At least one call wakes an endpoint, whatever the machine's speed is.
  await served.until("idle-0", "idle", ({ phase, replicas }) => phase === "idle" && replicas.length === 0);
  const waking = new Load(`${served.url}/${served.org}/idle-0`, IDEMPOTENT, 1);
  loads.push(waking);
  await waking.untilMoreCalls(1);
  await waking.stop();
  return {
    what: `scaled to zero and woken, ${served.platform}`,
    faults: loads.reduce((sum, { coldStarts }) => sum + coldStarts, 0),
    tried: loads.reduce((sum, { calls }) => sum + calls, 0),
    of: "calls",
    lost: loads.reduce((sum, { failures }) => sum + failures.length, 0),
  };
}
