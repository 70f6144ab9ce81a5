import type { Replica as ReplicaStatus } from "@faas/core";
import { PORT } from "../reconcile/manifests/labels.ts";
import type { Replica } from "./replica.ts";

/** Describes a replica for the control server. */
export function replicaStatus({ facts, isReady, stages }: Replica): ReplicaStatus {
  const host = facts.ip?.includes(":") ? `[${facts.ip}]` : facts.ip;
  const cpuMillis = facts.enforcedCpuMillis ?? facts.cpuMillis;
  const { node, requests } = facts;
  return {
    id: facts.replica,
    address: host === undefined ? "" : `${host}:${PORT}`,
    ready: isReady,
    revision: facts.revision,
    ...(cpuMillis === undefined ? {} : { cpuMillis }),
    start: stages.list,
    ...(node === undefined ? {} : { reserved: { node, ...requests } }),
  };
}
