import { setTimeout as delay } from "node:timers/promises";
import type { Artifact } from "@faas/core";
import { seeded } from "@faas/testing";
import { FUNCTION } from "../executions.ts";
import { IDEMPOTENT, Load, POST, printFailures } from "../load.ts";
import { type FaultOptions, type FaultResult, resultOf, type Tried } from "../part.ts";
import { type PlatformName, platformsHere, Served } from "../served.ts";

/** Deployed again and again, and scaled up and down, under load. */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const rows: Tried[] = [];
  for (const platform of options.platforms ?? platformsHere) rows.push(...(await rollOn(platform, options)));
  return resultOf(rows, options.print);
}

export async function rollOn(platform: PlatformName, { long, seed, print }: FaultOptions): Promise<Tried[]> {
  const random = seeded(seed);
  await using served = await Served.start(platform);
  const artifact = await served.artifact(FUNCTION);
  const settings = { replicas: 2, scaler: "fixed", idleTimeout: "never", env: { REVISION: "first" } } as const;
  await served.deploy("rolled", artifact, settings);
  await served.ready("rolled", 2);

  const underLoad = async (times: number, what: string, each: (n: number) => Promise<void>): Promise<Tried> => {
    const load = new Load(`${served.url}/${served.org}/rolled`, [...IDEMPOTENT, ...POST], 8);
    let wrong = 0;
    try {
      for (let n = 1; n <= times; n++) {
        // One that fails is lost; the others go on.
        await each(n).catch((error) => {
          wrong++;
          print(`${platform}, ${what}, ${n}: ${(error as Error).message}`);
        });
        if (n % 10 === 0) print(`${platform}, ${what}: ${n}, ${load.calls} calls`);
      }
    } finally {
      await load.stop();
    }
    printFailures(load.failures, print);
    // Each change was seen by somebody.
    const changes = [...load.revisions].filter((revision) => revision.startsWith(what.replaceAll(" ", "_"))).length;
    if (changes < times) {
      wrong++;
      print(`${what}: of ${times} revisions only ${changes} answered`);
    }
    return {
      what: `${what} under load, ${platform}`,
      faults: times,
      tried: load.calls,
      of: "calls",
      lost: load.failures.length + wrong,
    };
  };

  const deploys = await underLoad(long ? 50 : 2, "redeployed", async (n) => {
    await served.deploy("rolled", artifact, {
      ...settings,
      env: { REVISION: `redeployed_${n}` },
    });
    // Sometimes the next one comes while the replicas before the last ones drain.
    await delay(random() * 300);
  });
  const scales = await underLoad(long ? 20 : 2, "scaled up and down", async (n) => {
    const replicas = n % 2 === 1 ? 4 : 1;
    await served.deploy("rolled", artifact, { ...settings, replicas, env: { REVISION: `scaled_up_and_down_${n}` } });
    await served.ready("rolled", replicas);
    await delay(random() * 300);
  });
  return [deploys, scales, await idleAndWake(served, artifact, long)];
}

/** Endpoints whose calls come just when their replicas go, or a little later. */
async function idleAndWake(served: Served, artifact: Artifact, long: boolean): Promise<Tried> {
  const names = Array.from({ length: 4 }, (_, n) => `idle-${n}`);
  for (const name of names) await served.deploy(name, artifact, { replicas: 1, idleTimeout: "1s" });
  // Each a little later than the one before.
  const loads = names.map((name, n) => new Load(`${served.url}/${served.org}/${name}`, IDEMPOTENT, 1, 940 + 80 * n));
  await delay(long ? 90_000 : 2_000);
  await Promise.all(loads.map((load) => load.stop()));
  return {
    what: `scaled to zero and woken, ${served.platform}`,
    faults: loads.reduce((sum, { colds }) => sum + colds, 0),
    tried: loads.reduce((sum, { calls }) => sum + calls, 0),
    of: "calls",
    lost: loads.reduce((sum, { failures }) => sum + failures.length, 0),
  };
}
