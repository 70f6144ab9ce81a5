import type { EndpointView, ReplicaView } from "@faas/core";
import { Table } from "../../parts/table.tsx";

/** Table of the replicas, with the stages of their starts. */
export function Replicas({ view: { replicas } }: { readonly view: EndpointView }) {
  return (
    <section>
      <h2>Replicas</h2>
      {replicas.length === 0 && <p class="muted">None until the next call.</p>}
      {replicas.length > 0 && (
        <Table name="Replicas" heads={["Replica", "State", "In flight", "CPU", "Revision", "Start"]}>
          {replicas.map((replica) => (
            <Row key={replica.id} replica={replica} />
          ))}
        </Table>
      )}
    </section>
  );
}

function Row({ replica: { id, ready, inFlight, cpuMillis, revision, start } }: { readonly replica: ReplicaView }) {
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
      <td>
        <code>{revision}</code>
      </td>
      <td>{start === undefined ? "–" : <Stages stages={start} />}</td>
    </tr>
  );
}

function Stages({ stages }: { readonly stages: NonNullable<ReplicaView["start"]> }) {
  const total = stages.at(-1)?.atMs ?? 0;
  return (
    <details>
      <summary>{Math.round(total)} ms</summary>
      <ol>
        {stages.map(({ stage, atMs }) => (
          <li key={stage}>
            {stage}: {Math.round(atMs)} ms
          </li>
        ))}
      </ol>
    </details>
  );
}
