import type { EndpointStats } from "@faas/core";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type EntryFilter, filterEntries, type Order, orders } from "../model/entry-filter.ts";
import { useChanges } from "../model/observable.ts";
import type { EndpointEntry, ServerModel } from "../model/server-model.ts";
import { formatCount, formatMs, formatRate, nowSeconds } from "../parts/format.ts";
import { Sparkline } from "../parts/sparkline.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import { hrefOf } from "../route.ts";

/** Seconds in a small chart. */
const SPARK_SECONDS = 60;
const NARROW = "(max-width: 760px)";

/** List of all endpoints with their figures. */
export function Overview({ model }: { readonly model: ServerModel }) {
  useChanges(model);
  const [choice, setChoice] = useState<EntryFilter>({ text: "", org: "", order: "name" });
  const isNarrow = useMedia(NARROW);
  const version = model.listVersion;
  const orgs = useMemo(
    () => [...new Set(Array.from(model.entries.values(), ({ view }) => view.org))].sort(),
    [version],
  );
  const shown = useMemo(() => filterEntries(model.entries.values(), choice), [version, choice]);
  return (
    <main class="overview">
      <h1 tabIndex={-1} class="visually-hidden">
        Endpoints
      </h1>
      <Tools
        choice={choice}
        onChoice={setChoice}
        orgs={orgs}
        count={`${formatCount(shown.length)} of ${formatCount(model.entries.size)}`}
      />
      {model.error !== undefined && (
        <p class="error" role="alert">
          {model.error}
        </p>
      )}
      {model.isLoaded && model.entries.size === 0 && (
        <p>
          No endpoints yet. Create one with <code>faas deploy</code>.
        </p>
      )}
      {model.entries.size > 0 && shown.length === 0 && <p>No endpoint matches.</p>}
      {shown.length > 0 && (
        <VirtualList
          label="Endpoints"
          items={shown}
          keyOf={({ key }) => key}
          rowHeight={isNarrow ? 92 : 44}
          head={HEADS.map((head) => (
            <span role="columnheader" key={head}>
              {head}
            </span>
          ))}
        >
          {(entry) => <Cells entry={entry} />}
        </VirtualList>
      )}
    </main>
  );
}

interface ToolsProps {
  readonly choice: EntryFilter;
  readonly onChoice: (choice: EntryFilter) => void;
  readonly orgs: readonly string[];
  readonly count: string;
}

/** Search field and choices above the list. */
function Tools({ choice, onChoice, orgs, count }: ToolsProps) {
  const search = useSearchKey();
  return (
    <form class="tools" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Search
        <input
          type="search"
          ref={search}
          value={choice.text}
          onInput={(event) => onChoice({ ...choice, text: event.currentTarget.value })}
          aria-keyshortcuts="/"
          placeholder="press / to search"
        />
      </label>
      {orgs.length > 1 && (
        <label>
          Organization
          <select value={choice.org} onChange={(event) => onChoice({ ...choice, org: event.currentTarget.value })}>
            <option value="">All</option>
            {orgs.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <label>
        Order
        <select
          value={choice.order}
          onChange={(event) => onChoice({ ...choice, order: event.currentTarget.value as Order })}
        >
          {Object.entries(orders).map(([name, { label }]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <output class="count">{count}</output>
    </form>
  );
}

const HEADS = ["Endpoint", "State", "Replicas", "Calls/s", "Errors", "p50", "p95", "p99", "Cold starts"];

function Cells({ entry: { key, view, history, stats } }: { readonly entry: EndpointEntry }) {
  const now = nowSeconds();
  const { org, endpoint, phase, otherReplicas = [] } = view;
  const replicas = [...view.replicas, ...otherReplicas];
  const ready = replicas.filter((replica) => replica.ready).length;
  // Calls of the last seconds are not in the figures of the last minutes yet.
  const figures = stats && stats.requests > 0 ? stats : history.lastWithCalls;
  const desired = history.latest?.desired ?? replicas.length;
  return (
    <>
      <span role="cell" class="name">
        <a href={hrefOf({ page: "endpoint", org, endpoint })} title={key}>
          <span class="muted">{org}/</span>
          {endpoint}
        </a>
        {view.traffic?.shares && <span class="phase split">split</span>}
      </span>
      <span role="cell" class={`phase ${phase}`}>
        {phase}
      </span>
      <Cell head="Replicas" place="replicas">
        {desired > ready ? `${ready} of ${desired}` : ready}
      </Cell>
      <span role="cell" class="rate">
        <Sparkline values={history.calls(SPARK_SECONDS, now)} />
        <span>{formatRate(history.rate(now))}</span>
        <span class="unit">/s</span>
      </span>
      <Cell head="Errors" isBad={(figures?.errors ?? 0) > 0}>
        {errorShare(figures)}
      </Cell>
      <Cell head="p50">{formatMs(figures?.p50Ms)}</Cell>
      <span role="cell" class="figure last latency">
        <span class="label" aria-hidden="true">
          p95
        </span>
        <Sparkline values={history.latency(SPARK_SECONDS, now)} />
        {formatMs(figures?.p95Ms)}
      </span>
      <Cell head="p99" place="minor">
        {formatMs(figures?.p99Ms)}
      </Cell>
      <Cell head="Cold starts" place="minor">
        {figures?.coldStarts ?? "–"}
      </Cell>
    </>
  );
}

interface CellProps {
  readonly head: string;
  readonly isBad?: boolean;
  /** Class that narrow windows place it by. */
  readonly place?: string;
  readonly children: string | number;
}

function Cell({ head, isBad = false, place = "", children }: CellProps) {
  return (
    <span role="cell" class={`figure ${place} ${isBad ? "bad" : ""}`}>
      <span class="label" aria-hidden="true">
        {head}
      </span>
      {children}
    </span>
  );
}

function errorShare(figures: Pick<EndpointStats, "requests" | "errors"> | undefined): string {
  if (figures === undefined) return "–";
  const { requests, errors } = figures;
  return errors === 0 ? "0 %" : `${((errors / requests) * 100).toPrecision(2)} %`;
}

/** Puts the focus on the search field when the user presses `/`. */
function useSearchKey() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return field;
}

function useMedia(query: string): boolean {
  const media = useMemo(() => matchMedia(query), [query]);
  const [matches, setMatches] = useState(media.matches);
  useEffect(() => {
    const onChange = () => setMatches(media.matches);
    media.addEventListener("change", onChange);
    return () => media.removeEventListener("change", onChange);
  }, [media]);
  return matches;
}
