import type { AsyncCall } from "@faas/core";
import { useEffect, useState } from "preact/hooks";
import { asyncCallPath } from "../../api/async-calls.ts";
import type { Session } from "../../api/session.ts";
import { formatBody, formatBytes, MAX_BODY } from "../../parts/format.ts";
import { useAction } from "../../parts/use-action.ts";

export interface StoredResponseProps {
  readonly session: Session;
  readonly call: AsyncCall;
}

/** Bytes of a body that is read without a click. */
const MAX_UNASKED = 64 * 1024;
/** Types of bodies that are shown. */
const TEXT = /^text\/|\b(?:json|xml|javascript|yaml|x-www-form-urlencoded)\b/;

/** Body of a response; the text is absent if it is not one. */
interface Body {
  readonly type: string;
  readonly blob: Blob;
  readonly text?: string;
}

/** Last response of the function, and its body once the call has ended. A body is only shown as text. */
export function StoredResponse({ session, call }: StoredResponseProps) {
  const { id, state, response } = call;
  const [body, setBody] = useState<Body>();
  const { message, run } = useAction();
  const hasEnded = state === "completed" || state === "failed";
  const bytes = response?.bytes ?? 0;
  const load = () =>
    run(async () => {
      setBody(await readBody(session, call));
      return "";
    });
  useEffect(() => {
    if (hasEnded && bytes > 0 && bytes <= MAX_UNASKED) void load();
  }, [hasEnded, bytes]);
  if (response === undefined) return null;
  return (
    <section>
      <h2>Response</h2>
      <p>
        <strong class={state === "completed" ? "good" : "bad"}>{response.status}</strong>, {formatBytes(bytes)}
        {body && `, ${body.type || "without a type"}`}
        {response.truncated && <span class="warning">, the end is missing</span>}
      </p>
      {!hasEnded && body === undefined && <p class="muted">The body can be read when the call has ended.</p>}
      {body?.text !== undefined && (
        <pre tabIndex={0} role="region" aria-label="Body of the response">
          {body.text}
        </pre>
      )}
      {body?.text?.length === MAX_BODY && <p class="muted">This is its beginning.</p>}
      {hasEnded && bytes > 0 && (
        <div class="buttons">
          {body === undefined && (
            <button type="button" onClick={() => void load()}>
              Show the body
            </button>
          )}
          {body && (
            <button type="button" onClick={() => download(body.blob, id)}>
              Download
            </button>
          )}
        </div>
      )}
      <p role="status">{message}</p>
    </section>
  );
}

async function readBody(session: Session, { org, id, response: expected }: AsyncCall): Promise<Body> {
  const response = await session.storedResponse(`${asyncCallPath(org, id)}/response`);
  // A redirect's status and body are hidden from pages.
  if (response.type === "opaqueredirect") throw new Error("The function redirects elsewhere.");
  if (response.status !== expected?.status) throw new Error("The server no longer has this response.");
  const type = response.headers.get("Content-Type") ?? "";
  const blob = await response.blob();
  return { type, blob, ...(TEXT.test(type) ? { text: formatBody(await blob.text(), type) } : {}) };
}

/** Saves a body as a file. Its type is not that of the function, so that no browser opens it as a page. */
function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
