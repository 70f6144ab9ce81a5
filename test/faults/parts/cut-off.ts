import { setTimeout as delay } from "node:timers/promises";
import type { EndpointView } from "@faas/core";
import { tempDir } from "@faas/testing";
import { FUNCTION } from "../executions.ts";
import { IDEMPOTENT, Load, POST, printFailures } from "../load.ts";
import { type FaultOptions, type FaultResult, type FaultRow, resultOf } from "../part.ts";
import { platformsHere, Served } from "../served.ts";

const CLIENTS = 4;

/**
 * Cuts the server off from the API server, and then the nodes from the registry: calls must succeed meanwhile, and everything must recover by itself.
 * Kubernetes only.
 */
export async function run(options: FaultOptions): Promise<FaultResult> {
  if (!(options.platforms ?? platformsHere).includes("kubernetes")) {
    options.print("skipped: no cluster (KUBECONFIG, FAAS_REGISTRY_PUSH)");
    return { tried: 0, lost: 0, rows: [] };
  }
  return resultOf([await cutOffApi(options), await cutOffRegistry(options)], options.print);
}

/** Expectations that were not met, one line each. */
type Missing = string[];

async function cutOffApi({ long, print }: FaultOptions): Promise<FaultRow> {
  const { ApiProxy } = await import("../../cluster/api-server/proxy.ts");
  const outageMs = long ? 60_000 : 6_000;
  await using proxy = await ApiProxy.start(tempDir("cut-off"));
  await using served = await Served.start("kubernetes", { kubeconfig: proxy.kubeconfig });
  const artifact = await served.artifact(FUNCTION);
  const settings = { replicas: 2, scaler: "fixed", idleTimeout: "never" } as const;
  await served.deploy("stays", artifact, { ...settings, env: { REVISION: "before" } });
  const { replicas } = await served.ready("stays", 2);
  const load = new Load(`${served.url}/${served.org}/stays`, [...IDEMPOTENT, ...POST], CLIENTS);
  const missing: Missing = [];
  try {
    await proxy.refuse();
    const began = Date.now();
    await delay(1_000);
    // A new endpoint is recorded and waits.
    const { status, body } = await served.send("PUT", pathOf(served, "new"), { artifact, settings });
    if (status !== 201)
      missing.push(`a registration during the outage: expected 201, got ${status} ${JSON.stringify(body)}`);
    if ((await served.send("GET", "/-/healthz")).status !== 200) missing.push("/-/healthz is not 200");
    await delay(Math.max(0, began + outageMs - Date.now()));
    await proxy.pass();
    // Changes during the outage are noticed, and everything works again.
    await served.kill(replicas[0]?.id as string);
    await served.until("stays", "without the killed replica", (view) =>
      view.replicas.every(({ id }) => id !== replicas[0]?.id),
    );
    await served.ready("stays", 2);
    await served.ready("new", 2);
    await served.deploy("stays", artifact, { ...settings, env: { REVISION: "afterwards" } });
    await load.untilNewCalls();
  } finally {
    await load.stop();
  }
  if (!load.revisions.has("afterwards")) missing.push("the deployment afterwards served no call");
  if (!/API server|cluster/.test(served.warnings().join("\n")))
    missing.push("the log does not mention that the API server was unreachable");
  return rowOf(`API server unreachable for ${outageMs / 1000} s`, load, missing, print);
}

async function cutOffRegistry({ long, print }: FaultOptions): Promise<FaultRow> {
  const { TcpProxy } = await import("../../cluster/api-server/tcp-proxy.ts");
  const registry = new URL(`http://${process.env.FAAS_REGISTRY_PULL ?? process.env.FAAS_REGISTRY_PUSH}`);
  await using proxy = await TcpProxy.to(registry.hostname, Number(registry.port || 80));
  await using served = await Served.start("kubernetes", { registryPull: `localhost:${proxy.localPort}` });
  const settings = { replicas: 2, scaler: "fixed", idleTimeout: "never" } as const;
  await served.deploy("stays", await served.artifact(FUNCTION), { ...settings, env: { REVISION: "before" } });
  const { replicas } = await served.ready("stays", 2);
  const load = new Load(`${served.url}/${served.org}/stays`, [...IDEMPOTENT, ...POST], CLIENTS);
  const missing: Missing = [];
  const began = Date.now();
  try {
    // Changed code is a layer that no node has yet.
    const next = await served.artifact(`// ${Math.random()}\n${FUNCTION}`);
    await proxy.refuse();
    const path = pathOf(served, "stays");
    const { body } = await served.send("PUT", path, {
      artifact: next,
      settings: { ...settings, env: { REVISION: "next" } },
    });
    const { revision } = body as { revision: string };
    const { body: view } = await served.send("GET", `${path}?wait=${revision}&timeout=60s`);
    const { failure } = view as EndpointView;
    if (failure?.code !== "IMAGE_PULL_FAILED")
      missing.push(`expected IMAGE_PULL_FAILED, got ${JSON.stringify(failure)}`);
    // A node that has the previous image starts it without the registry.
    await served.kill(replicas[0]?.id as string);
    await served.until("stays", "without the killed replica", (seen) =>
      seen.replicas.every(({ id }) => id !== replicas[0]?.id),
    );
    await served.ready("stays", 2);
    await delay(long ? Math.max(0, began + 60_000 - Date.now()) : 0);
    await proxy.pass();
    await served.deploy("stays", next, { ...settings, env: { REVISION: "next" } });
    await load.untilNewCalls();
  } finally {
    await load.stop();
  }
  if (!load.revisions.has("next")) missing.push("the deployment afterwards served no call");
  if (!/IMAGE_PULL_FAILED/.test(served.warnings().join("\n")))
    missing.push("the log does not mention that an image could not be pulled");
  return rowOf(`registry unreachable for ${Math.round((Date.now() - began) / 1000)} s`, load, missing, print);
}

const pathOf = (served: Served, name: string) => `/-/orgs/${served.org}/endpoints/${name}`;

function rowOf(what: string, load: Load, missing: Missing, print: FaultOptions["print"]): FaultRow {
  // A plain POST to the killed replica fails with 502, as documented.
  const failures = load.failures.filter(({ id, status }) => !(status === 502 && id.startsWith("POST")));
  printFailures(failures, print);
  for (const line of missing) print(line);
  return { what, faults: 1, tried: load.calls, of: "calls", lost: failures.length + missing.length };
}
