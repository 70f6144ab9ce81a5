import type { EndpointView } from "@faas/core";
import { useEffect } from "preact/hooks";
import { useChanges } from "../model/observable.ts";
import type { ServerModel } from "../model/server-model.ts";
import { CallForm } from "../parts/call-form.tsx";
import { formatTime } from "../parts/format.ts";
import { hrefOf } from "../route.ts";
import { CallCharts } from "./endpoint/call-charts.tsx";
import { LogView } from "./endpoint/log-view.tsx";
import { Replicas } from "./endpoint/replicas.tsx";
import { Revisions } from "./endpoint/revisions.tsx";
import { SettingsView } from "./endpoint/settings-view.tsx";

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
  if (entry === undefined) {
    return (
      <main>
        <BackLink />
        <h1 tabIndex={-1}>{key}</h1>
        <p role="status">{model.isLoaded ? "There is no such endpoint, or it was removed." : "Loading…"}</p>
      </main>
    );
  }
  const { view, history } = entry;
  const { session } = model;
  return (
    <main class="endpoint">
      <BackLink />
      <h1 tabIndex={-1}>
        {key} <span class={`phase ${view.phase}`}>{view.phase}</span>
      </h1>
      <Facts view={view} />
      <Failure view={view} />
      <CallCharts session={session} view={view} history={history} />
      <Replicas view={view} />
      <Revisions model={model} view={view} />
      {session.can("invoke") && <CallForm session={session} path={`/${key}`} />}
      <LogView session={session} org={org} endpoint={endpoint} />
      <SettingsView model={model} view={view} />
      <Events model={model} name={key} />
    </main>
  );
}

/** Link to the overview, which Escape follows too. */
function BackLink() {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isBusy = event.target instanceof HTMLElement && event.target.matches("input, textarea, select, dialog *");
      if (event.key === "Escape" && !isBusy) location.hash = hrefOf({ page: "overview" });
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <p>
      <a href={hrefOf({ page: "overview" })} aria-keyshortcuts="Escape">
        ← All endpoints
      </a>
    </p>
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

/** Failures in words. */
function Failure({ view: { failure, limited, cpuPending, revision } }: { readonly view: EndpointView }) {
  return (
    <>
      {failure && (
        <section class="error" role="alert">
          <h2>{failure.revision === revision ? "It does not run" : "The last deployment failed"}</h2>
          <p>{failure.detail}</p>
          <p class="muted">
            {failure.code}, revision <code>{failure.revision}</code>
          </p>
          {failure.lastLogLines.length > 0 && (
            <pre tabIndex={0} role="region" aria-label="Last lines of its output">
              {failure.lastLogLines.join("\n")}
            </pre>
          )}
        </section>
      )}
      {limited !== undefined && <p class="warning">{limited}</p>}
      {cpuPending !== undefined && <p class="warning">{cpuPending}</p>}
    </>
  );
}

/** Events that the page has seen since it was opened. */
function Events({ model, name }: { readonly model: ServerModel; readonly name: string }) {
  const events = model.events.filter(({ subject }) => subject === name);
  return (
    <section>
      <h2>Events</h2>
      {events.length === 0 && <p class="muted">None since this page was opened.</p>}
      <ul class="events">
        {events.slice(0, 50).map(({ id, type, time, data }) => (
          <li key={id} class={type.endsWith(".failed") ? "bad" : undefined}>
            <time dateTime={time}>{formatTime(time)}</time> {type.replace("faas.", "")}{" "}
            <span class="muted">
              {Object.entries(data)
                .map(([field, value]) => `${field} ${typeof value === "string" ? value : JSON.stringify(value)}`)
                .join(", ")}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
