import type { AsyncCallState, AsyncCallSummary, AsyncCallList as List } from "@faas/core";
import { useRef, useState } from "preact/hooks";
import { listAsyncCalls } from "../../api/async-calls.ts";
import type { Session } from "../../api/session.ts";
import { formatBytes, formatCount, formatTime } from "../../parts/format.ts";
import { Table } from "../../parts/table.tsx";
import { isTableInUse, useLiveTurn } from "../../parts/use-live-turn.ts";
import { useRead } from "../../parts/use-read.ts";
import { type AsyncCallChoice, asyncCallStates, hrefOf } from "../../route.ts";
import { RetryFailed } from "./retry-failed.tsx";

export interface AsyncCallListProps {
  readonly session: Session;
  readonly choice: AsyncCallChoice & { readonly org: string };
  readonly onState: (state: AsyncCallState | undefined) => void;
  readonly limit: number;
  /** The list has pages. Otherwise it has a link to the one that has. */
  readonly hasPages: boolean;
}

const RELOAD_MS = 5_000;

/** Asynchronous calls, the newest first, with their numbers by state, which are the filter. */
export function AsyncCallList({ session, choice, onState, limit, hasPages }: AsyncCallListProps) {
  const { org, endpoint, state } = choice;
  const { found, section, reload } = useAsyncCalls(session, choice, limit);
  return (
    <div ref={section}>
      {found && countOf(found) > 0 && <States totals={found.totals} state={state} onState={onState} />}
      {found && session.can("deploy") && (
        <RetryFailed
          key={`${org}/${endpoint}`}
          session={session}
          org={org}
          endpoint={endpoint}
          failed={found.totals.failed}
          onChange={reload}
        />
      )}
      {found?.calls.length === 0 && <Nothing {...choice} />}
      {found !== undefined && found.calls.length > 0 && (
        <Table name="Asynchronous calls" heads={HEADS.filter((head) => head !== "Endpoint" || endpoint === undefined)}>
          {found.calls.map((call) => (
            <Row key={call.id} call={call} hasEndpoint={endpoint === undefined} />
          ))}
        </Table>
      )}
      {found && hasPages && (
        <Pages choice={choice} earliest={found.calls.length < limit ? undefined : found.calls.at(-1)?.id} />
      )}
      {found && !hasPages && countOf(found) > 0 && (
        <p>
          <a href={hrefOf({ page: "async-calls", org, endpoint, state })}>All asynchronous calls of {endpoint}</a>
        </p>
      )}
    </div>
  );
}

/**
 * Reads the calls, and again every few seconds while they are in view. While somebody points to one of them, the rows stay the same, and only their states
 * and the totals change.
 */
function useAsyncCalls(
  session: Session,
  { org, endpoint, state, before }: AsyncCallListProps["choice"],
  limit: number,
) {
  const section = useRef<HTMLDivElement>(null);
  const turn = useLiveTurn(section, RELOAD_MS);
  const [reloads, setReloads] = useState(0);
  const dependencies = [session, org, endpoint, state, before, reloads];
  const key = dependencies.slice(1).join();
  const shown = useRef<{ readonly key: string; readonly calls: List["calls"] }>(undefined);
  const read = async () => {
    const found = await listAsyncCalls(session, { org, endpoint, state, before }, limit);
    const isSame = shown.current?.key === key && isTableInUse(section.current);
    const calls = isSame ? updated(shown.current?.calls ?? [], found.calls) : found.calls;
    shown.current = { key, calls };
    return { ...found, calls };
  };
  const found = useRead(read, [...dependencies, turn]);
  return { found, section, reload: () => setReloads((count) => count + 1) };
}

/** Returns the calls of a list, each as it is in a newer list. */
const updated = (calls: List["calls"], newer: List["calls"]) =>
  calls.map((call) => newer.find(({ id }) => id === call.id) ?? call);

/** Returns the number of calls in all states. */
const countOf = ({ totals: { waiting, running, completed, failed } }: Pick<List, "totals">) =>
  waiting + running + completed + failed;

interface StatesProps {
  readonly totals: List["totals"];
  readonly state: AsyncCallState | undefined;
  readonly onState: (state: AsyncCallState | undefined) => void;
}

function States({ totals, state, onState }: StatesProps) {
  const { bytes, ...counts } = totals;
  const choices = [
    [undefined, "All", countOf({ totals })] as const,
    ...STATES.map((each) => [each, asyncCallStates[each], counts[each]] as const),
  ];
  return (
    <fieldset class="choice">
      <legend class="visually-hidden">State of asynchronous calls</legend>
      {choices.map(([value, label, count]) => (
        <label key={label}>
          <input type="radio" name="async-state" checked={state === value} onChange={() => onState(value)} />
          {label} <span class={value === "failed" && count > 0 ? "bad" : "muted"}>{formatCount(count)}</span>
        </label>
      ))}
      <span class="count">{formatBytes(bytes)} stored</span>
    </fieldset>
  );
}

const STATES = Object.keys(asyncCallStates) as readonly AsyncCallState[];

function Nothing({ endpoint, state, before }: AsyncCallChoice) {
  if (state !== undefined || before !== undefined) return <p class="muted">No call matches.</p>;
  return (
    <p class="muted">
      None{endpoint === undefined ? "" : " of this endpoint"}. A request with the header{" "}
      <code>Prefer: respond-async</code> is stored, and delivered until that succeeds.
    </p>
  );
}

const HEADS = ["State", "Call", "Endpoint", "Attempts", "Accepted", "Next delivery", "Kept until"];

function Row({ call, hasEndpoint }: { readonly call: AsyncCallSummary; readonly hasEndpoint: boolean }) {
  const { id, org, endpoint, state, attempts, acceptedAt, nextDeliveryAt, keptUntil } = call;
  return (
    <tr>
      <td>
        <span class={`phase ${state}`}>{state}</span>
      </td>
      <td>
        <a href={hrefOf({ page: "async-call", org, id })}>
          <code>{id}</code>
        </a>
      </td>
      {hasEndpoint && (
        <td>
          <a href={hrefOf({ page: "endpoint", org, endpoint })}>{endpoint}</a>
        </td>
      )}
      <td class="number">{attempts}</td>
      <td>
        <Time time={acceptedAt} />
      </td>
      <td>
        <Time time={nextDeliveryAt} />
      </td>
      <td>
        <Time time={keptUntil} />
      </td>
    </tr>
  );
}

const Time = ({ time }: { readonly time: string | undefined }) =>
  time === undefined ? <>–</> : <time dateTime={time}>{formatTime(time)}</time>;

interface PagesProps {
  readonly choice: AsyncCallChoice;
  /** Id of the last call of the list. Absent: there are no earlier ones. */
  readonly earliest: string | undefined;
}

function Pages({ choice, earliest }: PagesProps) {
  const { before, ...rest } = choice;
  if (before === undefined && earliest === undefined) return null;
  return (
    <nav class="buttons pages" aria-label="Pages of the list">
      {before !== undefined && <a href={hrefOf({ page: "async-calls", ...rest })}>Newest</a>}
      {earliest !== undefined && <a href={hrefOf({ page: "async-calls", ...rest, before: earliest })}>Earlier</a>}
    </nav>
  );
}
