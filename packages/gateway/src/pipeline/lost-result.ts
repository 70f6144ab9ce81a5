import type { ResponseHead } from "../upstream/response-head.ts";
import type { RoutedExchange } from "./exchange.ts";

/** Code of JSON-RPC for an internal error. */
const INTERNAL_ERROR = -32603;

/** Tells whether a response is a stream of events, whose end the client may take for a pause. */
export const isEventStream = ({ headers, framing }: ResponseHead): boolean =>
  framing.kind !== "length" &&
  headers.fields.some(({ key, value }) => key === "content-type" && /^text\/event-stream\b/i.test(value));

/**
 * Formats the event for a client whose request is a message of JSON-RPC, such as one of the Model Context Protocol, and whose stream of events ends because
 * the function is dead: some clients would wait for the result until a timeout. Returns `undefined` for other requests.
 */
export function lostResultEvent({ body, endpoint }: RoutedExchange): string | undefined {
  const id = typeof body === "string" ? requestIdIn(body) : undefined;
  if (id === undefined) return undefined;
  const { title } = endpoint;
  const message = `The replica of ${title} failed before it sent the result; "faas logs ${title}" may show why`;
  const response = { jsonrpc: "2.0", id, error: { code: INTERNAL_ERROR, message } };
  // The function may have begun an event.
  return `\n\nevent: message\ndata: ${JSON.stringify(response)}\n\n`;
}

/** Returns the id of a request of JSON-RPC; undefined for notifications and other bodies. @param body as latin1 */
function requestIdIn(body: string): string | number | undefined {
  if (!body.includes('"jsonrpc"')) return undefined;
  try {
    const message: unknown = JSON.parse(Buffer.from(body, "latin1").toString());
    const { jsonrpc, method, id } = message as Readonly<Record<string, unknown>>;
    const isRequest = jsonrpc === "2.0" && typeof method === "string";
    return isRequest && (typeof id === "string" || typeof id === "number") ? id : undefined;
  } catch {
    return undefined;
  }
}
