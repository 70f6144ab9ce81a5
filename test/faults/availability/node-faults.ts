import assert from "node:assert/strict";
import { eventually } from "@faas/testing";
import type { Exposure } from "./exposure.ts";
import type { Fault, NodeFaultContext } from "./fault.ts";
import { kubectl } from "./kubectl.ts";
import { passTime, REPLICA_NOTICED_MS } from "./process-faults.ts";
import type { NodeLoss, SecondNode } from "./second-node.ts";

/** Time that the cluster may take to see that a node is back. */
const RETURN_MS = 300_000;

/** Disconnects or turns off the node of the control server for ten minutes, while the other one serves. */
async function lose(context: NodeFaultContext, loss: NodeLoss): Promise<void> {
  const { node, server, long, lost } = context;
  {
    await using _lost = await node.lose(loss);
    lost(REPLICA_NOTICED_MS);
    await passTime(context, long ? 600_000 : 60_000);
  }
  await eventually(`${node.name} is Ready`, () => node.isReady(), { timeoutMs: RETURN_MS, intervalMs: 500 });
  await server.untilRolledOut("faas-server", RETURN_MS);
}

/**
 * Returns the address of a gateway on another node: that of the Service leads to the lost one too, until the cluster has noticed. `undefined` if there are
 * no gateways.
 */
async function otherGateway({ node, server }: NodeFaultContext): Promise<string | undefined> {
  const gateways = await server.pods("faas-gateway");
  const other = gateways.find(({ spec }) => spec?.nodeName !== node.name);
  assert.ok(other !== undefined || gateways.length === 0, `all gateways are on ${node.name}`);
  return other && `http://${other.status?.podIP}:8887`;
}

/** Faults of a node. The control server runs on it, and some of the gateways and replicas. */
export const nodeFaults: readonly Fault<NodeFaultContext>[] = [
  {
    name: "node-drained",
    title: "node of the control server and a gateway drained",
    endsStreams: true,
    async cause({ node, server }) {
      // A gateway gives streams five minutes to end.
      await kubectl("drain", node.name, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=420s");
      await server.untilRolledOut("faas-server");
    },
  },
  {
    name: "node-unplugged",
    title: "node of the control server and a gateway unplugged",
    endsStreams: true,
    address: otherGateway,
    cause: (context) => lose(context, "unplug"),
  },
  {
    name: "node-killed",
    title: "power of the node of the control server and a gateway cut",
    endsStreams: true,
    address: otherGateway,
    cause: (context) => lose(context, "kill"),
  },
];

/**
 * Runs `work` while the control server and some of the gateways and replicas are on a node, and nothing else comes there: the node does not have to be
 * the test's own.
 */
export async function onNode<T>(
  { node, exposure }: { node: SecondNode; exposure: Exposure },
  work: () => Promise<T>,
): Promise<T> {
  const { server } = exposure;
  await kubectl("uncordon", node.name);
  try {
    await server.move("faas-server", node.name);
    if (await server.hasGateways()) await server.roll("faas-gateway");
    await exposure.deploy();
    assert.ok(
      (await server.pods("faas-server")).every(({ spec }) => spec?.nodeName === node.name),
      `the control server is not on ${node.name}`,
    );
    await kubectl("cordon", node.name);
    return await work();
  } finally {
    await kubectl("uncordon", node.name);
  }
}
