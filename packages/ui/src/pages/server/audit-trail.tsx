import type { AuditEntry } from "@faas/core";
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../../api/session.ts";
import { formatTime } from "../../parts/format.ts";
import { Table } from "../../parts/table.tsx";

const MAX_ENTRIES = 100;

/** Recent entries of the audit trail, the newest first. */
export function AuditTrail({ session }: { readonly session: Session }) {
  const [entries, setEntries] = useState<readonly AuditEntry[]>();
  useEffect(() => {
    const closed = new AbortController();
    readNewest(session, closed.signal).then(setEntries, () => {
      // Nothing is shown then.
    });
    return () => closed.abort();
  }, [session]);
  return (
    <section>
      <h2>Audit trail</h2>
      {entries?.length === 0 && <p class="muted">No entries yet.</p>}
      {entries !== undefined && entries.length > 0 && (
        <Table name="Audit trail" heads={["Time", "Key", "Action", "Target", "Status", "From"]}>
          {entries.map(({ requestId, time, key, action, target, status, code, from }) => (
            <tr key={requestId}>
              <td>{formatTime(time)}</td>
              <td>{key?.name ?? "–"}</td>
              <td>{action}</td>
              <td>{target}</td>
              <td>{code === undefined ? status : `${status} ${code}`}</td>
              <td>{from}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

async function readNewest(session: Session, signal: AbortSignal): Promise<AuditEntry[]> {
  const reader = (await session.stream(`/-/audit?tail=${MAX_ENTRIES}`, signal)).getReader();
  let text = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value;
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as AuditEntry).reverse();
}
