import { exec } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { FUNCTION } from "../executions.ts";
import { IDEMPOTENT, Load, POST, printFailures } from "../load.ts";
import { type FaultOptions, type FaultResult, resultOf, type Tried } from "../part.ts";
import { platformsHere, Served } from "../served.ts";

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
      if (status !== 201) missing.push(`a registration meanwhile: ${status} ${JSON.stringify(body)}`);
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
    if (!late.startsWith("200 ")) missing.push(`a call that wakes a replica afterwards: ${late}`);
    await delay(500);
  } catch (error) {
    missing.push((error as Error).message);
  } finally {
    await load.stop();
  }
  if (!load.revisions.has("afterwards")) missing.push("the deployment after it did not answer");
  printFailures(load.failures, print);
  const said = new Set(served.warnings().map((line) => (JSON.parse(line) as { msg: string }).msg));
  if (said.size === 0) missing.push("the log says nothing of it");
  for (const line of said) print(`${name}: logged: ${line}`);
  for (const line of missing) print(`${name}: ${line}`);
  return {
    what: `${name} killed and restarted`,
    faults: 1,
    tried: load.calls,
    of: "calls",
    lost: load.failures.length + missing.length,
    seen: `${meanwhile}; ${said.size} ${said.size === 1 ? "warning" : "different warnings"} logged`,
  };
}

/** The status of a call to the endpoint that is idle, and how long it took. */
async function wake(served: Served): Promise<string> {
  const began = performance.now();
  const signal = AbortSignal.timeout(90_000);
  const said = await fetch(`${served.url}/${served.org}/sleeps`, { signal }).then(
    async (answer) => (answer.ok ? "200" : `${answer.status} ${((await answer.json()) as { type?: string }).type}`),
    (error: Error) => `none (${error.cause ?? error})`,
  );
  return `${said} after ${((performance.now() - began) / 1000).toFixed(1)} s`;
}
