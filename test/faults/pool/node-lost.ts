import { setTimeout as delay } from "node:timers/promises";
import { eventually, seeded } from "@faas/testing";
import type { V1Node } from "@kubernetes/client-node";
import { kubectl } from "../availability/kubectl.ts";
import { type NodeLoss, SecondNode } from "../availability/second-node.ts";
import type { FaultOptions, FaultRow } from "../part.ts";
import { isAnswered, lostCalls, type Outcome } from "./calls.ts";
import { type PoolFault, Tally } from "./pool-fault.ts";
import { lastingDifferences, untilCold, untilWaiting, WarmOrganization, waitingPods } from "./warm-organization.ts";

const NAMES = ["a", "b"];
const TIMES = { LOAD_MS: "250", TAKES_MS: "150" };
/** Latest moment of the loss, after the call. */
const LATEST_MS = 1_000;
const ROUNDS = 5;
/** Time that the cluster may take to see that a node is back. */
const RETURN_MS = 300_000;

/** The node of the pod that is given a function is lost, while the control server is on another one. */
export const nodeLost: PoolFault = { name: "node-lost", run };

async function run(options: FaultOptions): Promise<readonly FaultRow[]> {
  const node = SecondNode.fromEnvironment();
  if (node === undefined) {
    options.print("node-lost: skipped, FAAS_FAULTS_SECOND_NODE is not set (docs/faults.md)");
    return [];
  }
  const rows: FaultRow[] = [];
  for (const loss of ["kill", "unplug"] as const) rows.push(await lose(node, loss, options));
  return rows;
}

async function lose(node: SecondNode, loss: NodeLoss, { long, seed, print }: FaultOptions): Promise<FaultRow> {
  const random = seeded(seed);
  await using organization = await WarmOrganization.start();
  const { served, executions } = organization;
  for (const name of NAMES) await organization.deploy(name, { idleTimeout: "3s", env: TIMES });
  const rounds = long ? ROUNDS : 1;
  const moments = new Tally();
  const lost: string[] = [];
  let [failed, slowestMs] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const name = NAMES[round % NAMES.length] as string;
    await untilCold(served, name);
    await moveWaitingPods(organization, node.name);
    const calls = [organization.call(name, "POST"), organization.call(name)];
    let isAnsweredYet = false;
    void Promise.race(calls).then(() => {
      isAnsweredYet = true;
    });
    await delay(random() ** 2 * LATEST_MS);
    moments.add(isAnsweredYet ? "after the answer" : "before the answer");
    const lostMs = performance.now();
    const outcomes: Outcome[] = [];
    {
      await using _lost = await node.lose(loss);
      outcomes.push(...(await Promise.all(calls)));
      outcomes.push(await organization.call(name, "POST"), await organization.call(name));
    }
    await eventually(`${node.name} is Ready`, () => node.isReady(), { timeoutMs: RETURN_MS, intervalMs: 500 });
    const wasInFlight = ({ method, status, endedMs }: Outcome) =>
      method === "POST" && status === 502 && endedMs >= lostMs;
    failed += outcomes.filter((outcome) => !isAnswered(outcome)).length;
    slowestMs = Math.max(slowestMs, ...outcomes.map(({ sentMs, endedMs }) => endedMs - sentMs));
    const found = [
      ...lostCalls(outcomes, executions, wasInFlight),
      ...(await lastingDifferences(served, organization.endpoints)),
    ];
    for (const line of found) print(`node-lost, ${loss}, round ${round}: ${line}`);
    lost.push(...found);
  }
  return {
    what: loss === "kill" ? "power of the node of a claimed warm pod cut" : "node of a claimed warm pod unplugged",
    faults: rounds,
    tried: organization.calls.outcomes.length,
    of: "calls",
    lost: lost.length,
    seen: `${moments.text()}; ${failed} POST in flight failed with 502; slowest call ${(slowestMs / 1000).toFixed(1)} s`,
  };
}

/** Waits until the pods that wait are all on one node: meanwhile, the others take none. */
async function moveWaitingPods({ served }: WarmOrganization, node: string): Promise<void> {
  const { items } = await served.api.call<{ items: V1Node[] }>("GET", "/api/v1/nodes");
  const others = items.flatMap(({ metadata }) => (metadata?.name === node ? [] : [metadata?.name as string]));
  await kubectl("uncordon", node);
  await kubectl("cordon", ...others);
  try {
    for (const { metadata, spec } of await waitingPods(served))
      if (spec?.nodeName !== node) await served.api.delete("Pod", metadata?.namespace, metadata?.name as string);
    await eventually(
      `warm pods wait on ${node}`,
      async () => (await untilWaiting(served)).every(({ spec }) => spec?.nodeName === node),
      { timeoutMs: RETURN_MS, intervalMs: 500 },
    );
  } finally {
    await kubectl("uncordon", ...others);
  }
}
