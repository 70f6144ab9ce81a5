import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "@faas/testing";
import type { Fault, NodeFaultContext } from "./fault.ts";
import { kubectl } from "./kubectl.ts";
import { passTime } from "./process-faults.ts";
import type { NodeLoss } from "./second-node.ts";

/** Time that the cluster may take to see that a node is back. */
const RETURN_MS = 300_000;

/** Takes the node of the control server away for ten minutes, while the other one serves. */
async function lose(context: NodeFaultContext, loss: NodeLoss): Promise<void> {
  const { node, server, long, killed } = context;
  {
    await using _lost = await node.lose(loss);
    killed();
    await passTime(context, long ? 600_000 : 60_000);
  }
  await eventually(`${node.name} is Ready`, () => node.isReady(), { timeoutMs: RETURN_MS, intervalMs: 500 });
  await server.untilRolledOut("faas-server", RETURN_MS);
}

/** Faults of a node. The control server runs on it, and half of the gateways and replicas. */
export const nodeFaults: readonly Fault<NodeFaultContext>[] = [
  {
    name: "node-drained",
    title: "node of a gateway drained",
    endsStreams: true,
    async cause({ node, server }) {
      try {
        await kubectl("drain", node.name, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s");
        await delay(5_000);
      } finally {
        await kubectl("uncordon", node.name);
      }
      await server.untilRolledOut("faas-server");
    },
  },
  {
    name: "node-unplugged",
    title: "node of the control server unplugged",
    endsStreams: true,
    cause: (context) => lose(context, "unplug"),
  },
  {
    name: "node-killed",
    title: "power of the control server's node cut",
    endsStreams: true,
    cause: (context) => lose(context, "kill"),
  },
];
