import type { OrgDetails, OrgView, ServerStatus } from "@faas/core";
import { useChanges } from "../model/observable.ts";
import type { ServerModel } from "../model/server-model.ts";
import { formatBytes } from "../parts/format.ts";
import { Table } from "../parts/table.tsx";
import { useRead } from "../parts/use-read.ts";
import { AuditTrail } from "./server/audit-trail.tsx";
import { Keys } from "./server/keys.tsx";

const RELOAD_MS = 5_000;

/** The server, organizations and keys, as far as the key may see them. */
export function ServerPage({ model }: { readonly model: ServerModel }) {
  useChanges(model);
  const { session, config, accessVersion } = model;
  const orgs =
    useRead(() => session.get<{ orgs: readonly OrgView[] }>("/-/orgs"), [session, accessVersion], RELOAD_MS)?.orgs ??
    [];
  return (
    <main>
      <h1 tabIndex={-1}>{session.isAdmin ? "Server" : "Organization"}</h1>
      {config && (
        <dl class="facts">
          <Fact name="Version" value={config.version} />
          <Fact name="Platform" value={config.platform} />
          {session.isAdmin && config.isolation !== undefined && <Fact name="Isolation" value={config.isolation} />}
        </dl>
      )}
      {session.isAdmin && <Gateways model={model} />}
      <Organizations model={model} orgs={orgs.map(({ org }) => org)} />
      {session.isAdmin && !session.isOpen && <Keys model={model} orgs={orgs.map(({ org }) => org)} />}
      {session.isAdmin && <AuditTrail session={session} />}
    </main>
  );
}

const Fact = ({ name, value }: { readonly name: string; readonly value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

function Gateways({ model: { session } }: { readonly model: ServerModel }) {
  const status = useRead(() => session.get<ServerStatus>("/-/status"), [session], RELOAD_MS);
  if (status === undefined) return null;
  const { gateways, upSeconds } = status;
  return (
    <section>
      <h2>Gateways</h2>
      <p>The control server has run for {formatSeconds(upSeconds)}.</p>
      {gateways.length === 0 && <p class="muted">The control server is the gateway.</p>}
      {gateways.length > 0 && (
        <Table name="Gateways" heads={["Name", "Version", "State", "View age", "In flight", "Waiting"]}>
          {gateways.map(({ name, version, state, viewAgeMs, inFlight, waiting }) =>
            textRow([name, version, state, `${Math.round(viewAgeMs)} ms`, String(inFlight), String(waiting)]),
          )}
        </Table>
      )}
    </section>
  );
}

function formatSeconds(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`;
  return `${Math.round(seconds / 3_600)} hours`;
}

/** Returns a row of text, whose first cell names it. */
const textRow = (cells: readonly string[]) => (
  <tr key={cells[0]}>
    {cells.map((cell, i) => (
      <td key={i}>{cell}</td>
    ))}
  </tr>
);

/** Organizations whose use is read: one request for each. */
const MAX_ORGS = 100;

function Organizations({
  model: { session },
  orgs,
}: {
  readonly model: ServerModel;
  readonly orgs: readonly string[];
}) {
  const names = orgs.slice(0, MAX_ORGS);
  const details = useRead(
    () => Promise.all(names.map((org) => session.get<OrgDetails>(`/-/orgs/${encodeURIComponent(org)}`))),
    [session, names.join()],
    RELOAD_MS,
  );
  return (
    <section>
      <h2>{session.org === undefined ? "Organizations" : "Limits"}</h2>
      {details && details.length > 0 && (
        <Table name="Use of limits" heads={["Organization", ...LIMITS.map(({ head }) => head)]}>
          {details.map((org) => textRow([org.org, ...LIMITS.map((limit) => useOf(limit, org))]))}
        </Table>
      )}
      {orgs.length > MAX_ORGS && (
        <p class="muted">
          The first {MAX_ORGS} of {orgs.length}.
        </p>
      )}
    </section>
  );
}

interface Limit {
  readonly head: string;
  readonly name: keyof OrgDetails["use"] & keyof NonNullable<OrgDetails["limits"]>;
  readonly format?: (value: number) => string;
}

const LIMITS: readonly Limit[] = [
  { head: "Endpoints", name: "endpoints" },
  { head: "Replicas", name: "replicas" },
  { head: "CPU", name: "cpu" },
  { head: "Memory", name: "memory" },
  { head: "Calls/s", name: "requestsPerSecond", format: (value) => value.toFixed(1) },
  { head: "At once", name: "concurrentRequests" },
  { head: "Async calls", name: "waitingCalls" },
  { head: "Async bodies", name: "waitingBytes", format: formatBytes },
  { head: "Bundles", name: "bundleBytes", format: formatBytes },
];

function useOf({ name, format = String }: Limit, { use, limits, defaultLimits }: OrgDetails): string {
  const limit = limits?.[name] ?? defaultLimits?.[name];
  const shown = (value: unknown) => (typeof value === "number" ? format(value) : String(value));
  if (use[name] === undefined) return "–";
  return limit === undefined || limit === null ? shown(use[name]) : `${shown(use[name])} of ${shown(limit)}`;
}
