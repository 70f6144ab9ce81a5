import { parseCpu, parseSize, type SettingsInput } from "@faas/core";
import type { V1Node } from "@kubernetes/client-node";
import type { FaultOptions, FaultRow } from "../part.ts";
import { lostCalls } from "./calls.ts";
import type { PoolFault } from "./pool-fault.ts";
import { lastingDifferences, WarmOrganization, waitingPods } from "./warm-organization.ts";

/** Endpoints, of which a node has room for five at most. */
const NAMES = ["a", "b", "c", "d", "e", "f"];
const PART = 1 / 5;
/** Limits per request, of CPU and memory. */
const LIMIT_RATIO = 4;
const ROUNDS = 6;

type Resource = "cpu" | "memory";

/** Cold endpoints that no node has room for at the same time are called together: warm pods give way, then idle replicas. */
export const roomFaults: readonly PoolFault[] = (["cpu", "memory"] as const).map((resource) => ({
  name: `${resource}-short`,
  run: (options) => run(resource, options),
}));

async function run(resource: Resource, { long, print }: FaultOptions): Promise<readonly FaultRow[]> {
  await using organization = await WarmOrganization.start();
  const { served, executions } = organization;
  const nodes = (await served.api.call<{ items: V1Node[] }>("GET", "/api/v1/nodes")).items;
  if (nodes.length !== 1) {
    print(`${resource}-short: skipped, the cluster has several nodes`);
    return [];
  }
  await served.send("PUT", `/-/orgs/${served.org}`, { limits: { cpu: "100000", memory: "100Ti" } });
  for (const name of NAMES) await organization.deploy(name, settingsOf(resource, nodes[0] as V1Node));
  const rounds = long ? ROUNDS : 2;
  const lost: string[] = [];
  let [gaveWay, withoutPool, slowestMs] = [0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    const outcomes = await Promise.all(
      NAMES.flatMap((name) => [organization.call(name), organization.call(name, "POST")]),
    );
    slowestMs = Math.max(slowestMs, ...outcomes.map(({ sentMs, endedMs }) => endedMs - sentMs));
    const found = [
      ...lostCalls(outcomes, executions, () => false),
      ...(await lastingDifferences(served, organization.endpoints)),
    ];
    const views = await Promise.all(NAMES.map((name) => served.view(name)));
    gaveWay += views.filter(({ replicas }) => replicas.length === 0).length;
    if ((await waitingPods(served)).length === 0) withoutPool++;
    for (const line of found) print(`${resource}-short, round ${round}: ${line}`);
    if (found.length > 0) print(`the server's log: ${await organization.keepLog()}`);
    lost.push(...found);
    print(`${resource}-short: ${round + 1} rounds, ${lost.length} lost`);
  }
  return [
    {
      what: `node short of ${resource === "cpu" ? "CPU" : "memory"} while ${NAMES.length} endpoints are called together`,
      faults: rounds,
      tried: organization.calls.outcomes.length,
      of: "calls",
      lost: lost.length,
      seen: `after them, ${gaveWay} idle replicas had given way, and in ${withoutPool} rounds the warm pods; slowest call ${(slowestMs / 1000).toFixed(1)} s`,
    },
  ];
}

/** Returns settings with which a replica reserves a part of the node. */
function settingsOf(resource: Resource, { status }: V1Node): SettingsInput {
  const { cpu = "", memory = "" } = status?.allocatable ?? {};
  if (resource === "cpu") return { cpu: `${Math.floor((parseCpu(cpu) ?? 0) * PART * LIMIT_RATIO)}m` };
  const mib = Math.floor(((parseSize(memory) ?? 0) / 2 ** 20) * PART * LIMIT_RATIO);
  return { memory: `${mib}Mi` };
}
