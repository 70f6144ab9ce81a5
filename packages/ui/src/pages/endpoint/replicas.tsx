import type { EndpointView, ReplicaView } from "@faas/core";
import { formatBytes } from "../../parts/format.ts";
import { Table } from "../../parts/table.tsx";

const HEADS = ["Replica", "State", "In flight", "CPU limit", "Memory", "Revision", "Start"];

/** Table of the replicas of all revisions. */
export function Replicas({ view }: { readonly view: EndpointView }) {
  const replicas = [...view.replicas, ...(view.otherReplicas ?? [])];
  const { memory } = view.settings;
  return (
    <section>
      <h2>Replicas</h2>
      {replicas.length === 0 && <p class="muted">None until the next call.</p>}
      {replicas.length > 0 && (
        <Table name="Replicas" heads={HEADS}>
          {replicas.map((replica) => (
            <Row
              key={replica.id}
              replica={replica}
              memoryLimit={replica.revision === view.revision ? memory : undefined}
            />
          ))}
        </Table>
      )}
    </section>
  );
}

interface RowProps {
  readonly replica: ReplicaView;
  /** Absent: that of another revision, which may differ. */
  readonly memoryLimit: string | undefined;
}

function Row({ replica, memoryLimit }: RowProps) {
  const { id, ready, inFlight, cpuMillis, revision, start } = replica;
  const startMs = start?.at(-1)?.atMs;
  return (
    <tr>
      <td>
        <code>{id}</code>
      </td>
      <td>
        <span class={`phase ${ready ? "ready" : "starting"}`}>{ready ? "ready" : "starting"}</span>
      </td>
      <td class="number">{inFlight}</td>
      <td class="number">{cpuMillis === undefined ? "–" : `${cpuMillis}m`}</td>
      <td class="number">{memoryOf(replica, memoryLimit)}</td>
      <td>
        <code>{revision}</code>
      </td>
      <td class="number">{startMs === undefined ? "–" : `${Math.round(startMs)} ms`}</td>
    </tr>
  );
}

function memoryOf({ memoryBytes = 0 }: ReplicaView, limit: string | undefined): string {
  if (memoryBytes === 0) return limit === undefined ? "–" : `at most ${limit}`;
  return limit === undefined ? formatBytes(memoryBytes) : `${formatBytes(memoryBytes)} of ${limit}`;
}
