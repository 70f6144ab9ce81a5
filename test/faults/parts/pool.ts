import { type FaultOptions, type FaultResult, resultOf } from "../part.ts";
import { roomFaults } from "../pool/full-node.ts";
import { gatewayFaults } from "../pool/gateway-faults.ts";
import { nodeLost } from "../pool/node-lost.ts";
import { podFaults } from "../pool/pod-faults.ts";
import { runFaults } from "../pool/pool-fault.ts";
import { replacement } from "../pool/replacement.ts";
import { resizeFaults } from "../pool/resize-faults.ts";
import { serverFaults } from "../pool/server-faults.ts";
import { platformsHere } from "../served.ts";

/** docs/faults.md has a table for this part alone. */
export const hasOwnTable = true;

/**
 * Causes faults of warm pods and of resizes, many rounds each, and compares the objects in the cluster after each round: no pod may be left over, none may
 * have two owners, and only calls in flight at what was killed may fail. Kubernetes only; faults of a node need a second one, FAAS_FAULTS_SECOND_NODE.
 */
export async function run(options: FaultOptions): Promise<FaultResult> {
  if (!(options.platforms ?? platformsHere).includes("kubernetes")) {
    options.print("skipped: no cluster (KUBECONFIG, FAAS_REGISTRY_PUSH)");
    return resultOf([], options.print);
  }
  const faults = [
    ...podFaults,
    ...serverFaults,
    ...gatewayFaults,
    replacement,
    ...resizeFaults,
    ...roomFaults,
    nodeLost,
  ];
  return resultOf(await runFaults(faults, options), options.print);
}
