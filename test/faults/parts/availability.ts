import { Exposure } from "../availability/exposure.ts";
import type { Fault, FaultContext } from "../availability/fault.ts";
import { InstalledServer } from "../availability/installed-server.ts";
import { nodeFaults, onNode } from "../availability/node-faults.ts";
import { processFaults } from "../availability/process-faults.ts";
import { SecondNode } from "../availability/second-node.ts";
import { type FaultOptions, type FaultResult, type FaultRow, resultOf } from "../part.ts";
import { platformsHere } from "../served.ts";

/**
 * Sends 50 calls per second, an event stream and a WebSocket through faults of an installation in the cluster: no call may fail, except those in flight
 * in a process that is killed. Kubernetes only; faults of a node need a second one, FAAS_FAULTS_SECOND_NODE.
 */
export async function run(options: FaultOptions): Promise<FaultResult> {
  if (!(options.platforms ?? platformsHere).includes("kubernetes")) {
    options.print("skipped: no cluster (KUBECONFIG, FAAS_REGISTRY_PUSH)");
    return resultOf([], options.print);
  }
  return resultOf(await exposeToFaults(options), options.print);
}

export async function exposeToFaults(options: FaultOptions): Promise<FaultRow[]> {
  const { print } = options;
  const isChosen = ({ name }: Pick<Fault, "name">) => options.faults?.includes(name) ?? true;
  await using server = await InstalledServer.install({ gateways: options.gateways ?? "2" });
  await using exposure = await Exposure.prepare(server, options);
  const hasGateways = await server.hasGateways();
  const rows: FaultRow[] = [];
  const expose = async <C extends FaultContext>(fault: Fault<C>, extra: Omit<C, keyof FaultContext>) => {
    if (!isChosen(fault)) return;
    if (fault.needsGateways && !hasGateways) return print(`${fault.title}: skipped, there are no gateways`);
    const row = await exposure.to(fault, extra);
    print(`${row.what}: ${row.lost} lost of ${row.tried}; ${row.seen}`);
    rows.push(row);
  };
  for (const fault of processFaults) await expose(fault, {});
  const node = SecondNode.fromEnvironment();
  if (node === undefined) print("faults of a node: skipped, FAAS_FAULTS_SECOND_NODE is not set (docs/faults.md)");
  else
    for (const fault of nodeFaults.filter(isChosen))
      await onNode({ node, exposure }, async () => {
        print(`${fault.title}: replicas on ${await server.nodesOf("steady")}`);
        await expose(fault, { node });
      });
  return rows;
}
