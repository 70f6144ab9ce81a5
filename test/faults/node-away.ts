import { exec } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { FUNCTION } from "./executions.ts";
import { IDEMPOTENT, Load, POST, printFailures } from "./load.ts";
import { type FaultOptions, type FaultResult, resultOf, type Tried } from "./part.ts";
import { platformsHere, Served } from "./served.ts";

const shell = promisify(exec);

/** Shell commands that stop a part of a node and bring it back, by its name. */
type Parts = Readonly<Record<string, readonly [stop: string, start: string]>>;

/**
 * Kubelet and container runtime stop and come back: running pods serve, and what is wanted meanwhile comes afterwards. How they are stopped is the
 * cluster's affair: FAAS_FAULTS_NODE says it.
 */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const text = process.env.FAAS_FAULTS_NODE;
  if (text === undefined || !(options.platforms ?? platformsHere).includes("kubernetes")) {
    options.print("FAAS_FAULTS_NODE does not say how to stop a node's kubelet: left out (docs/faults.md)");
    return { tried: 0, lost: 0, rows: [] };
  }
  const rows: Tried[] = [];
  for (const [name, [stop, start]] of Object.entries(JSON.parse(text) as Parts))
    rows.push(await without(name, stop, start, options));
  return resultOf(rows, options.print);
}

async function without(name: string, stop: string, start: string, { long, print }: FaultOptions): Promise<Tried> {
  await using served = await Served.start("kubernetes");
  const artifact = await served.artifact(FUNCTION);
  const settings = { replicas: 2, scaler: "fixed", idleTimeout: "never" } as const;
  await served.deploy("stays", artifact, settings);
  await served.ready("stays", 2);
  const load = new Load(`${served.url}/${served.org}/stays`, [...IDEMPOTENT, ...POST], 4);
  let missing = 0;
  try {
    await shell(stop);
    try {
      await delay(1_000);
      await served.send("PUT", `/-/orgs/${served.org}/endpoints/new`, { artifact, settings });
      await delay(long ? 20_000 : 5_000);
    } finally {
      await shell(start);
    }
    await served.ready("new", 2);
    await served.deploy("stays", artifact, { ...settings, env: { REVISION: "afterwards" } });
    await delay(500);
  } finally {
    await load.stop();
  }
  if (!load.revisions.has("afterwards")) missing++;
  printFailures(load.failures, print);
  return {
    what: `${name} stopped and back`,
    faults: 1,
    tried: load.calls,
    of: "calls",
    lost: load.failures.length + missing,
  };
}
