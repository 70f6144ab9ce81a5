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

  const underLoad = async (
    times: number,
    what: string,
    change: (n: number, load: Load) => Promise<void>,
  ): Promise<FaultRow> => {
    const load = new Load(`${served.url}/${served.org}/rolled`, [...IDEMPOTENT, ...POST], 8);
    let wrong = 0;
    try {
      for (let n = 1; n <= times; n++) {
        // A change that fails counts as lost; the next one follows.
        await change(n, load).catch((error) => {
          wrong++;
          print(`${platform}, ${what}, ${n}: ${(error as Error).message}`);
        });
        if (n % 10 === 0) print(`${platform}, ${what}: ${n}, ${load.calls} calls`);
      }
    } finally {
      await load.stop();
    }
    printFailures(load.failures, print);
    // Each change must have served a call.
    const changes = [...load.revisions].filter((revision) => revision.startsWith(what.replaceAll(" ", "_"))).length;
    if (changes < times) {
      wrong++;
      print(`${what}: only ${changes} of ${times} revisions served a call`);
    }
    return {
      what: `${what} under load, ${platform}`,
      faults: times,
      tried: load.calls,
      of: "calls",
      lost: load.failures.length + wrong,
    };
  };

  const deploys = await underLoad(long ? 50 : 2, "redeployed", async (n, load) => {
    await served.deploy("rolled", artifact, {
      ...settings,
      env: { REVISION: `redeployed_${n}` },
    });
    // Sometimes the next change comes while older replicas drain.
    await load.untilNewCalls();
    await load.untilMoreCalls(Math.floor(random() * MAX_CALLS));
  });
  const scales = await underLoad(long ? 20 : 2, "scaled up and down", async (n, load) => {
    const replicas = n % 2 === 1 ? 4 : 1;
    await served.deploy("rolled", artifact, { ...settings, replicas, env: { REVISION: `scaled_up_and_down_${n}` } });
    await served.ready("rolled", replicas);
    await load.untilNewCalls();
    await load.untilMoreCalls(Math.floor(random() * MAX_CALLS));
  });
  return [deploys, scales, await idleAndWake(served, artifact, long)];
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
