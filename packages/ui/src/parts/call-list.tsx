import type { Call, Calls, CallList as List } from "@faas/core";
import { useRef, useState } from "preact/hooks";
import type { Session } from "../api/session.ts";
import { hrefOf } from "../route.ts";
import { formatMs, formatTime } from "./format.ts";
import { Table } from "./table.tsx";
import { isTableInUse, useLiveTurn } from "./use-live-turn.ts";
import { useRead } from "./use-read.ts";

export interface CallListProps {
  readonly session: Session;
  /** Only calls of this endpoint. Absent: all that the key can see. */
  readonly endpoint?: { readonly org: string; readonly endpoint: string };
}

const LABELS: Readonly<Record<List, string>> = { last: "Latest", slowest: "Slowest", failed: "Failed" };
/** Calls in the list of one endpoint, and in that of all. */
const LIMITS = { one: "10", all: "50" } as const;
const RELOAD_MS = 5_000;

/** Recent calls, which the server keeps in memory: the latest, the slowest or the failed ones. Each has a link to its waterfall. */
export function CallList({ session, endpoint }: CallListProps) {
  const [list, setList] = useState<List>("last");
  const query = new URLSearchParams({ ...endpoint, list, limit: endpoint ? LIMITS.one : LIMITS.all }).toString();
  const { calls, section } = useCalls(session, query);
  return (
    <div ref={section}>
      <fieldset class="choice">
        <legend class="visually-hidden">Calls</legend>
        {Object.entries(LABELS).map(([value, label]) => (
          <label key={value}>
            <input type="radio" name="calls" checked={list === value} onChange={() => setList(value as List)} />
            {label}
          </label>
        ))}
      </fieldset>
      {calls?.length === 0 && <p class="muted">{list === "failed" ? "None has failed recently." : "None recently."}</p>}
      {calls !== undefined && calls.length > 0 && (
        <Table name={`${LABELS[list]} calls`} heads={endpoint ? HEADS : [...HEADS, "Endpoint"]}>
          {calls.map((call) => (
            <Row key={`${call.requestId} ${call.arrived}`} call={call} hasEndpoint={endpoint === undefined} />
          ))}
        </Table>
      )}
    </div>
  );
}

const HEADS = ["Request", "Status", "Duration", "Cold start", "Arrived"];

function Row({ call, hasEndpoint }: { readonly call: Call; readonly hasEndpoint: boolean }) {
  const { org, endpoint, requestId, method, path, status, durationMs, cold, arrived } = call;
  return (
    <tr>
      <td class="text">
        <a href={hrefOf({ page: "call", org, endpoint, requestId })}>
          {method} {path}
        </a>
      </td>
      <td class={status >= 500 ? "number bad" : "number"}>{status}</td>
      <td class="number">{formatMs(durationMs)}</td>
      <td>{cold ? "yes" : "–"}</td>
      <td>
        <time dateTime={arrived}>{formatTime(arrived)}</time>
      </td>
      {hasEndpoint && (
        <td>
          <a href={hrefOf({ page: "endpoint", org, endpoint })}>
            {org}/{endpoint}
          </a>
        </td>
      )}
    </tr>
  );
}

function useCalls(session: Session, query: string) {
  const section = useRef<HTMLDivElement>(null);
  const turn = useLiveTurn(section, RELOAD_MS, () => isTableInUse(section.current));
  const found = useRead(() => session.get<Calls>(`/-/calls?${query}`), [session, query, turn]);
  return { calls: found?.calls, section };
}
