import type { Call, Calls, LogLine } from "@faas/core";
import type { ComponentChildren } from "preact";
import { endpointPath, type Session } from "../api/session.ts";
import { BackLink } from "../parts/back-link.tsx";
import { formatMs, formatTime } from "../parts/format.ts";
import { LogLines } from "../parts/log-lines.tsx";
import { useRead } from "../parts/use-read.ts";
import { Waterfall } from "../parts/waterfall.tsx";

export interface CallPageProps {
  readonly session: Session;
  readonly org: string;
  readonly endpoint: string;
  readonly requestId: string;
}

/** Way of a call: a waterfall of its stages, and what the function printed meanwhile. */
export function CallPage({ session, org, endpoint, requestId }: CallPageProps) {
  const query = new URLSearchParams({ org, endpoint, requestId }).toString();
  const found = useRead(() => session.get<Calls>(`/-/calls?${query}`), [session, query]);
  return (
    <main>
      <BackLink to={{ page: "endpoint", org, endpoint }} text={`${org}/${endpoint}`} />
      <h1 tabIndex={-1}>
        Call <code>{requestId}</code>
      </h1>
      {found === undefined && <p role="status">Loading…</p>}
      {found?.calls.length === 0 && (
        <p role="status">The server no longer has this call in memory. Its log lines may still exist.</p>
      )}
      {found?.calls.map((call) => (
        <Way key={call.arrived} call={call} />
      ))}
      <Lines session={session} org={org} endpoint={endpoint} requestId={requestId} />
    </main>
  );
}

function Way({ call }: { readonly call: Call }) {
  const { method, path, status, durationMs, cold, arrived, replica, revision, gateway, traceId, stages } = call;
  return (
    <section>
      <h2>
        {method} {path}
      </h2>
      <p>
        <strong class={status >= 500 ? "bad" : "good"}>{status}</strong> in {formatMs(durationMs)}
        {cold && ", with a cold start"}
      </p>
      <Waterfall label={`Stages of ${method} ${path}`} stages={stages} totalMs={durationMs} />
      <dl class="facts">
        <Fact name="Arrived">
          <time dateTime={arrived}>{formatTime(arrived)}</time>
        </Fact>
        <Fact name="Replica">{replica === "" ? "none" : <code>{replica}</code>}</Fact>
        {revision !== "" && (
          <Fact name="Revision">
            <code>{revision}</code>
          </Fact>
        )}
        {gateway !== undefined && <Fact name="Gateway">{gateway}</Fact>}
        {traceId !== undefined && (
          <Fact name="Trace">
            <code>{traceId}</code>
          </Fact>
        )}
      </dl>
    </section>
  );
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const MAX_LINES = "500";

function Lines({ session, org, endpoint, requestId }: CallPageProps) {
  const query = new URLSearchParams({ requestId, access: "true", tail: MAX_LINES });
  const lines = useRead(
    async () => (await session.lines<LogLine>(endpointPath(org, endpoint, `/logs?${query}`))).map(numbered),
    [session, org, endpoint, requestId],
  );
  return (
    <section>
      <h2>Log lines</h2>
      {lines?.length === 0 && <p class="muted">None.</p>}
      {lines !== undefined && lines.length > 0 && (
        <div class="log" role="log" aria-label="Log lines" tabIndex={0}>
          <LogLines lines={lines} />
        </div>
      )}
    </section>
  );
}

const numbered = (line: LogLine, number: number) => ({ ...line, number });
