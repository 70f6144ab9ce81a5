import type { AuditEntry } from "@faas/core";
import type { Session } from "../../api/session.ts";
import { formatTime } from "../../parts/format.ts";
import { Table } from "../../parts/table.tsx";
import { useRead } from "../../parts/use-read.ts";

const MAX_ENTRIES = 100;
const RELOAD_MS = 10_000;

/** Recent entries of the audit trail, the newest first. */
export function AuditTrail({ session }: { readonly session: Session }) {
  const oldestFirst = useRead(() => session.lines<AuditEntry>(`/-/audit?tail=${MAX_ENTRIES}`), [session], RELOAD_MS);
  const entries = oldestFirst?.toReversed();
  return (
    <section>
      <h2>Audit trail</h2>
      {entries?.length === 0 && <p class="muted">No entries yet.</p>}
      {entries !== undefined && entries.length > 0 && (
        <Table name="Audit trail" heads={["Time", "Key", "Action", "Target", "Status", "From", "Change"]}>
          {entries.map(({ requestId, time, key, action, target, change, status, code, from }) => (
            <tr key={requestId}>
              <td>{formatTime(time)}</td>
              <td>{key?.name ?? "–"}</td>
              <td>{action}</td>
              <td class="text">{target}</td>
              <td>{code === undefined ? status : `${status} ${code}`}</td>
              <td>{from}</td>
              <td class="text">{change === undefined ? "–" : <code>{JSON.stringify(change)}</code>}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
