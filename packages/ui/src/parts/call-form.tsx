import { useState } from "preact/hooks";
import type { Session } from "../api/session.ts";
import { hrefOf } from "../route.ts";
import { formatBody, formatBytes, formatMs } from "./format.ts";

export interface CallFormProps {
  readonly session: Session;
  readonly org: string;
  readonly endpoint: string;
}

interface Result {
  readonly status: string;
  readonly isOk: boolean;
  readonly timing: string;
  readonly requestId: string;
  readonly text: string;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Form that calls an endpoint, and shows the response with its timing. */
export function CallForm({ session, org, endpoint }: CallFormProps) {
  const path = `/${org}/${encodeURIComponent(endpoint)}`;
  const [method, setMethod] = useState("GET");
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<Result>();
  const submit = async (form: HTMLFormElement) => {
    const values = new FormData(form);
    setBusy(true);
    setResult(await call(session, `${path}${values.get("rest")}`, method, String(values.get("body") ?? "")));
    setBusy(false);
  };
  const hrefOfCall = session.can("read")
    ? (requestId: string) => hrefOf({ page: "call", org, endpoint, requestId })
    : undefined;
  return (
    <section>
      <h2>Call it</h2>
      <form
        class="call"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <label>
          Method
          <select value={method} onChange={(event) => setMethod(event.currentTarget.value)}>
            {METHODS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="wide">
          Path and query, after {path}
          <input
            name="rest"
            placeholder="/items?limit=3"
            pattern="[\/?].*"
            title="begins with / or ?"
            spellcheck={false}
          />
        </label>
        {method !== "GET" && (
          <label class="full">
            Body
            <textarea name="body" rows={4} spellcheck={false} />
          </label>
        )}
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? "Calling…" : "Call"}
        </button>
      </form>
      <div aria-live="polite">{result && <ResultView result={result} hrefOfCall={hrefOfCall} />}</div>
    </section>
  );
}

interface ResultViewProps {
  readonly result: Result;
  /** Returns the URL of a call's waterfall. Absent: the key may not see it. */
  readonly hrefOfCall: ((requestId: string) => string) | undefined;
}

function ResultView({ result: { status, isOk, timing, requestId, text }, hrefOfCall }: ResultViewProps) {
  return (
    <>
      <p>
        <strong class={isOk ? "good" : "bad"}>{status}</strong> {timing}
        {requestId !== "" && (
          <>
            {" "}
            <span class="muted">
              request <code>{requestId}</code>
            </span>{" "}
            {hrefOfCall && <a href={hrefOfCall(requestId)}>Show its way</a>}
          </>
        )}
      </p>
      <pre tabIndex={0} role="region" aria-label="Response">
        {text}
      </pre>
    </>
  );
}

async function call(session: Session, path: string, method: string, body: string): Promise<Result> {
  const startedMs = performance.now();
  try {
    const isJson = /^\s*[[{]/.test(body);
    const headers: Record<string, string> = isJson ? { "Content-Type": "application/json" } : {};
    const response = await session.call(path, { method, headers, ...(method === "GET" ? {} : { body }) });
    // The status of a redirect that is not followed is hidden from pages.
    if (response.type === "opaqueredirect")
      return { status: "Redirect", isOk: true, timing: "", requestId: "", text: "The function redirects elsewhere." };
    const text = await response.text();
    const totalMs = performance.now() - startedMs;
    const { headers: received } = response;
    return {
      status: `${response.status} ${response.statusText}`,
      isOk: response.status < 400,
      timing: `${formatMs(totalMs)}, ${formatBytes(new Blob([text]).size)}${timingOf(received.get("Server-Timing"))}`,
      requestId: received.get("X-Request-Id") ?? "",
      text: formatBody(text, received.get("Content-Type") ?? ""),
    };
  } catch (error) {
    return { status: "No response", isOk: false, timing: "", requestId: "", text: (error as Error).message };
  }
}

/** Formats the durations of `Server-Timing`: where the time went. */
function timingOf(header: string | null): string {
  const found = Array.from(
    (header ?? "").matchAll(/(\w+);dur=([\d.]+)/g),
    ([, name, ms]) => `${name} ${formatMs(Number(ms))}`,
  );
  return found.length === 0 ? "" : `, of it ${found.join(", ")}`;
}
