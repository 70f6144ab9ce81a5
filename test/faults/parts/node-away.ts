import { exec } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { FUNCTION } from "../executions.ts";
import { IDEMPOTENT, Load, POST, printFailures } from "../load.ts";
import { type FaultOptions, type FaultResult, type FaultRow, resultOf } from "../part.ts";
import { platformsHere, Served } from "../served.ts";

const shell = promisify(exec);

/** Shell commands that stop and start a component of a node, by its name. */
type Components = Readonly<Record<string, readonly [stop: string, start: string]>>;

/**
 * Stops and restarts the kubelet and the container runtime: running pods must serve, and changes made meanwhile must take effect afterwards. The commands
 * depend on the cluster: FAAS_FAULTS_NODE has them.
 */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const text = process.env.FAAS_FAULTS_NODE;
  if (text === undefined || !(options.platforms ?? platformsHere).includes("kubernetes")) {
    options.print("skipped: FAAS_FAULTS_NODE is not set (docs/faults.md)");
    return { tried: 0, lost: 0, rows: [] };
  }
  const rows: FaultRow[] = [];
  for (const [name, [stop, start]] of Object.entries(JSON.parse(text) as Components))
    rows.push(await without(name, stop, start, options));
  return resultOf(rows, options.print);
}

async function without(name: string, stop: string, start: string, { long, print }: FaultOptions): Promise<FaultRow> {
  await using served = await Served.start("kubernetes");
  const artifact = await served.artifact(FUNCTION);
  const settings = { replicas: 2, scaler: "fixed", idleTimeout: "never" } as const;
  await served.deploy("stays", artifact, settings);
  await served.ready("stays", 2);
  await served.deploy("sleeps", artifact, { replicas: 1, idleTimeout: "1s" });
  await served.until("sleeps", "idle", ({ phase, replicas }) => phase === "idle" && replicas.length === 0);
  const load = new Load(`${served.url}/${served.org}/stays`, [...IDEMPOTENT, ...POST], 4);
  const missing: string[] = [];
  let meanwhile = "";
  try {
    const began = Date.now();
    await shell(stop);
    let woken: Promise<string> | undefined;
    try {
      await delay(1_000);
      const { status, body } = await served.send("PUT", `/-/orgs/${served.org}/endpoints/new`, { artifact, settings });
      if (status !== 201) missing.push(`a registration during the outage: ${status} ${JSON.stringify(body)}`);
      woken = wake(served);
      await delay(long ? 20_000 : 5_000);
    } finally {
      await shell(start);
    }
    const awayMs = Date.now() - began;
    meanwhile = `down for ${Math.round(awayMs / 1000)} s; a cold start in the meantime: ${await woken}`;
    print(`${name}: ${meanwhile}`);
    await served.ready("new", 2);
    await served.ready("stays", 2);
    await served.deploy("stays", artifact, { ...settings, env: { REVISION: "afterwards" } });
    const late = await wake(served);
    if (!late.startsWith("200 ")) missing.push(`a cold start afterwards: ${late}`);
    await load.untilNewCalls();
  } catch (error) {
    missing.push((error as Error).message);
  } finally {
    await load.stop();
  }
  if (!load.revisions.has("afterwards")) missing.push("the deployment afterwards served no call");
  printFailures(load.failures, print);
  const messages = new Set(served.warnings().map((line) => (JSON.parse(line) as { msg: string }).msg));
  if (messages.size === 0) missing.push("the log has no warning");
  for (const line of messages) print(`${name}: logged: ${line}`);
  for (const line of missing) print(`${name}: ${line}`);
  return {
    what: `${name} killed and restarted`,
    faults: 1,
    tried: load.calls,
    of: "calls",
    lost: load.failures.length + missing.length,
    seen: `${meanwhile}; ${messages.size} ${messages.size === 1 ? "warning" : "different warnings"} logged`,
  };
}

/** Calls the idle endpoint; returns the status and the time that it took. */
async function wake(served: Served): Promise<string> {
  const began = performance.now();
  const signal = AbortSignal.timeout(90_000);
  const outcome = await fetch(`${served.url}/${served.org}/sleeps`, { signal }).then(
    async (response) =>
      response.ok ? "200" : `${response.status} ${((await response.json()) as { type?: string }).type}`,
    (error: Error) => `none (${error.cause ?? error})`,
  );
  return `${outcome} after ${((performance.now() - began) / 1000).toFixed(1)} s`;
}
