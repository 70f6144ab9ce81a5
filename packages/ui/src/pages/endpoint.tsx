import type { EndpointView } from "@faas/core";
import { useEffect } from "preact/hooks";
import { useChanges } from "../model/observable.ts";
import type { EndpointEntry, ServerModel } from "../model/server-model.ts";
import { BackLink } from "../parts/back-link.tsx";
import { CallForm } from "../parts/call-form.tsx";
import { CallList } from "../parts/call-list.tsx";
import { formatTime } from "../parts/format.ts";
import { AsyncCallSection } from "./endpoint/async-call-section.tsx";
import { CallCharts } from "./endpoint/call-charts.tsx";
import { Events, useEndpointEvents } from "./endpoint/events.tsx";
import { Failures } from "./endpoint/failures.tsx";
import { LogView } from "./endpoint/log-view.tsx";
import { Replicas } from "./endpoint/replicas.tsx";
import { Revisions } from "./endpoint/revisions.tsx";
import { SettingsView } from "./endpoint/settings-view.tsx";
import { Starts } from "./endpoint/starts.tsx";

export interface EndpointPageProps {
  readonly model: ServerModel;
  readonly org: string;
  readonly endpoint: string;
}

/** Everything about one endpoint. */
export function EndpointPage({ model, org, endpoint }: EndpointPageProps) {
  useChanges(model);
  const key = `${org}/${endpoint}`;
  const entry = model.entries.get(key);
  useEffect(() => model.watch(key), [model, key]);
  return (
    <main class="endpoint">
      <BackLink to={{ page: "overview" }} text="All endpoints" />
      <h1 tabIndex={-1}>
        {key} {entry && <span class={`phase ${entry.view.phase}`}>{entry.view.phase}</span>}
      </h1>
      {entry && <Details model={model} entry={entry} />}
      {!entry && <p role="status">{model.isLoaded ? "There is no such endpoint, or it was removed." : "Loading…"}</p>}
    </main>
  );
}

function Details({ model, entry: { view, history } }: { readonly model: ServerModel; readonly entry: EndpointEntry }) {
  const { session } = model;
  const { org, endpoint } = view;
  const events = useEndpointEvents(model, org, endpoint);
  return (
    <>
      <Facts view={view} />
      <Failures view={view} />
      <CallCharts session={session} view={view} history={history} />
      <section>
        <h2>Recent calls</h2>
        <CallList session={session} endpoint={{ org, endpoint }} />
      </section>
      <AsyncCallSection session={session} org={org} endpoint={endpoint} />
      <Replicas view={view} />
      <Starts events={events} />
      <Revisions model={model} view={view} />
      {session.can("invoke") && <CallForm session={session} org={org} endpoint={endpoint} />}
      <LogView session={session} org={org} endpoint={endpoint} />
      <SettingsView model={model} view={view} />
      <Events events={events} />
    </>
  );
}

function Facts({ view }: { readonly view: EndpointView }) {
  return (
    <dl class="facts">
      <div>
        <dt>Address</dt>
        <dd>
          {/* Another origin's page cannot reach this one: the function may not be trusted. */}
          <a href={view.url} target="_blank" rel="noopener noreferrer">
            {view.url}
          </a>
        </dd>
      </div>
      <div>
        <dt>Revision</dt>
        <dd>
          <code>{view.revision}</code>
        </dd>
      </div>
      {view.deploying !== undefined && (
        <div>
          <dt>Being deployed</dt>
          <dd>
            <code>{view.deploying}</code>
          </dd>
        </div>
      )}
      <div>
        <dt>Updated</dt>
        <dd>
          <time dateTime={view.updatedAt}>{formatTime(view.updatedAt)}</time>
        </dd>
      </div>
    </dl>
  );
}
