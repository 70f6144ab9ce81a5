import type { LogLine } from "@faas/core";
import { useEffect, useRef, useState } from "preact/hooks";
import { endpointPath, type Session } from "../../api/session.ts";
import { LogLines, type NumberedLine } from "../../parts/log-lines.tsx";
import { useInView } from "../../parts/use-in-view.ts";

export interface LogViewProps {
  readonly session: Session;
  readonly org: string;
  readonly endpoint: string;
}

interface Filter {
  readonly grep: string;
  readonly level: string;
  readonly status: string;
  readonly access: boolean;
}

/** Lines that are shown. */
const MAX_LINES = 500;
const TAIL = "200";
const RETRY_MS = 2_000;
const STATUSES = "[1-5]([0-9]{2}|xx)(,[1-5]([0-9]{2}|xx))*";

/** Log of an endpoint as it grows, with filters. It is followed while it is in view. */
export function LogView({ session, org, endpoint }: LogViewProps) {
  const [filter, setFilter] = useState<Filter>({ grep: "", level: "", status: "", access: true });
  const list = useRef<HTMLDivElement>(null);
  const path = endpointPath(org, endpoint, "/logs");
  const { lines, problem } = useLines(session, path, filter, useInView(list));
  const isAtEnd = useRef(true);
  useEffect(() => {
    const element = list.current;
    if (element && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [lines]);
  const onScroll = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }: { currentTarget: HTMLElement }) => {
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  return (
    <section>
      <h2>Logs</h2>
      <FilterForm filter={filter} onChange={setFilter} />
      {problem !== undefined && <p class="warning">{problem}</p>}
      <div class="log" role="log" aria-label="Log lines" tabIndex={0} ref={list} onScroll={onScroll}>
        {lines.length === 0 && <p class="muted">No lines yet.</p>}
        <LogLines lines={lines} endpoint={{ org, endpoint }} />
      </div>
    </section>
  );
}

interface FilterFormProps {
  readonly filter: Filter;
  readonly onChange: (filter: Filter) => void;
}

function FilterForm({ filter, onChange }: FilterFormProps) {
  // A status that is being typed is not valid yet.
  const [status, setStatus] = useState(filter.status);
  return (
    <form class="tools" onSubmit={(event) => event.preventDefault()}>
      <label>
        Contains
        <input
          type="search"
          value={filter.grep}
          onInput={({ currentTarget: { value } }) => onChange({ ...filter, grep: value })}
        />
      </label>
      <label>
        Level
        <select value={filter.level} onChange={({ currentTarget: { value } }) => onChange({ ...filter, level: value })}>
          <option value="">All</option>
          {["info", "warn", "error"].map((level) => (
            <option key={level} value={level}>
              {level} or higher
            </option>
          ))}
        </select>
      </label>
      <label>
        Status of calls
        <input
          value={status}
          pattern={STATUSES}
          placeholder="4xx,503"
          size={8}
          title="such as 404 or 4xx,503"
          onInput={({ currentTarget }) => {
            setStatus(currentTarget.value);
            if (currentTarget.checkValidity()) onChange({ ...filter, status: currentTarget.value });
          }}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={filter.access}
          onChange={({ currentTarget: { checked } }) => onChange({ ...filter, access: checked })}
        />
        Calls
      </label>
    </form>
  );
}

/** Follows the log; starts again when the filter changes, the connection is lost, or it is in view again. */
function useLines(session: Session, path: string, { grep, level, status, access }: Filter, isInView: boolean) {
  const [lines, setLines] = useState<readonly NumberedLine[]>([]);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    if (!isInView) return;
    const closed = new AbortController();
    const query = new URLSearchParams({ follow: "true", tail: TAIL, access: String(access) });
    for (const [name, value] of Object.entries({ grep, level, status })) if (value !== "") query.set(name, value);
    const onLines = (added: readonly NumberedLine[], isFirst: boolean) => {
      setProblem(undefined);
      setLines((before) => [...(isFirst ? [] : before), ...added].slice(-MAX_LINES));
    };
    // A filter that is being typed changes with every key.
    const timer = setTimeout(
      () => void followLines(session, `${path}?${query}`, closed.signal, onLines, setProblem),
      150,
    );
    return () => {
      clearTimeout(timer);
      closed.abort();
    };
  }, [session, path, grep, level, status, access, isInView]);
  return { lines, problem };
}

async function followLines(
  session: Session,
  path: string,
  signal: AbortSignal,
  onLines: (lines: readonly NumberedLine[], isFirst: boolean) => void,
  onProblem: (text: string) => void,
): Promise<void> {
  let number = 0;
  while (!signal.aborted) {
    try {
      const reader = (await session.stream(path, signal)).getReader();
      onLines([], true);
      let rest = "";
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        const complete = (rest + read.value).split("\n");
        rest = complete.pop() as string;
        onLines(
          complete.map((line) => ({ ...(JSON.parse(line) as LogLine), number: number++ })),
          false,
        );
      }
    } catch (error) {
      if (!signal.aborted) onProblem(`${(error as Error).message}. Trying again.`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
