import type { AsyncCall } from "@faas/core";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { readAsyncCall } from "../../api/async-calls.ts";
import type { Session } from "../../api/session.ts";
import { BackLink } from "../../parts/back-link.tsx";
import { formatMs, formatTime } from "../../parts/format.ts";
import { Table } from "../../parts/table.tsx";
import { useRead } from "../../parts/use-read.ts";
import { hrefOf } from "../../route.ts";
import { CallActions } from "./call-actions.tsx";
import { StoredResponse } from "./stored-response.tsx";

export interface AsyncCallPageProps {
  readonly session: Session;
  readonly org: string;
  readonly id: string;
}

const RELOAD_MS = 2_000;

/** An asynchronous call: its state, deliveries and response, and buttons that retry and drop it. */
export function AsyncCallPage({ session, org, id }: AsyncCallPageProps) {
  const [changes, setChanges] = useState(0);
  const call = useRead(() => readAsyncCall(session, org, id), [session, org, id, changes], RELOAD_MS);
  return (
    <main>
      <BackLink to={{ page: "async-calls", org }} text={`Asynchronous calls of ${org}`} />
      <h1 tabIndex={-1}>
        Asynchronous call <code>{id}</code> {call && <span class={`phase ${call.state}`}>{call.state}</span>}
      </h1>
      {call === undefined && <p role="status">Loading…</p>}
      {call === null && <p role="status">There is no such call, or it was removed.</p>}
      {call && (
        <>
          <Facts call={call} />
          {session.can("deploy") && (
            <CallActions session={session} call={call} onChange={() => setChanges((count) => count + 1)} />
          )}
          <Deliveries call={call} />
          <StoredResponse key={call.deliveries.at(-1)?.requestId} session={session} call={call} />
        </>
      )}
    </main>
  );
}

function Facts({ call }: { readonly call: AsyncCall }) {
  const { org, endpoint, state, method, path, acceptedAt, attempts, nextDeliveryAt, revision, keptUntil } = call;
  return (
    <dl class="facts">
      <Fact name="Request">
        {method} {path}
      </Fact>
      <Fact name="Endpoint">
        <a href={hrefOf({ page: "endpoint", org, endpoint })}>
          {org}/{endpoint}
        </a>
      </Fact>
      <Fact name="Accepted">
        <Time time={acceptedAt} />
      </Fact>
      <Fact name="Attempts">{attempts}</Fact>
      {state === "waiting" && (
        <Fact name="Next delivery">{nextDeliveryAt === undefined ? "now" : <Time time={nextDeliveryAt} />}</Fact>
      )}
      <Fact name="Revision">{revision === undefined ? "serving at delivery" : <code>{revision}</code>}</Fact>
      {keptUntil !== undefined && (
        <Fact name="Kept until">
          <Time time={keptUntil} />
        </Fact>
      )}
    </dl>
  );
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const Time = ({ time }: { readonly time: string }) => <time dateTime={time}>{formatTime(time)}</time>;

const HEADS = ["Started", "Duration", "Status", "Problem", "Request"];

/** Deliveries that have ended, each with a link to its way and its log lines. */
function Deliveries({ call: { org, endpoint, deliveries, state } }: { readonly call: AsyncCall }) {
  const last = deliveries.at(-1);
  const hasProblems = deliveries.some((delivery) => problemOf(delivery) !== "");
  return (
    <section>
      <h2>Deliveries</h2>
      {deliveries.length === 0 && <p class="muted">None has ended yet.</p>}
      {deliveries.length > 0 && (
        <Table name="Deliveries" heads={HEADS.filter((head) => head !== "Problem" || hasProblems)}>
          {deliveries.map((delivery) => {
            const { startedAt, durationMs, requestId, status } = delivery;
            const isFailure = delivery !== last || state !== "completed";
            return (
              <tr key={requestId}>
                <td>
                  <Time time={startedAt} />
                </td>
                <td class="number">{formatMs(durationMs)}</td>
                <td class={isFailure ? "number bad" : "number good"}>{status ?? "no response"}</td>
                {hasProblems && <td class="text">{problemOf(delivery) || "–"}</td>}
                <td>
                  <a href={hrefOf({ page: "call", org, endpoint, requestId })}>
                    <code>{requestId}</code>
                  </a>
                </td>
              </tr>
            );
          })}
        </Table>
      )}
    </section>
  );
}

/** Returns the reason of a failure, where no function responded; empty without one. */
const problemOf = ({ code, detail }: AsyncCall["deliveries"][number]) => [code, detail].filter(Boolean).join(": ");
