import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** First argument of a handler (docs/wrapper-protocol.md, "A call"). */
export interface FunctionEvent {
  readonly method: string;
  /** As sent, still percent-encoded; at least "/". */
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  body: unknown;
}

/** Returns the event of a request, without its body. */
export function eventOf({ url = "/", method = "GET", headers }: IncomingMessage): FunctionEvent {
  const question = url.indexOf("?");
  const path = question < 0 ? url : url.slice(0, question);
  return {
    method,
    path: path || "/",
    query: question < 0 ? {} : parseQuery(url.slice(question + 1)),
    headers: joinHeaders(headers),
    body: null,
  };
}

/** Joins the values of Set-Cookie, the only header that Node gives as a list. */
function joinHeaders(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  const joined = headers as Record<string, string | undefined>;
  if (headers["set-cookie"]) joined["set-cookie"] = headers["set-cookie"].join(", ");
  return joined;
}

function parseQuery(text: string): Record<string, string | string[]> {
  // Has no prototype, because a parameter "__proto__" would set it.
  const query: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const before = query[name];
    query[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return { ...query };
}
