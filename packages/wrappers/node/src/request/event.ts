import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { parseBody } from "./parse-body.ts";

const NO_BYTES = Buffer.alloc(0);

/** First argument of a handler (docs/wrapper-protocol.md, "Calls"). */
export class FunctionEvent {
  readonly method: string;
  /** As sent, still percent-encoded; at least "/". */
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  body: unknown = null;
  #rawBody: Buffer = NO_BYTES;

  constructor({ url = "/", method = "GET", headers }: IncomingMessage) {
    const question = url.indexOf("?");
    const path = question < 0 ? url : url.slice(0, question);
    this.method = method;
    this.path = path || "/";
    this.query = question < 0 ? {} : parseQuery(url.slice(question + 1));
    this.headers = joinHeaders(headers);
  }

  /** Bytes of the body, from which `body` was parsed. Not a field of its own, so that an event written as JSON does not have the body twice. */
  get rawBody(): Buffer {
    return this.#rawBody;
  }

  /** Sets both bodies of an event; static, so that a handler does not see it. */
  static setBody(event: FunctionEvent, bytes: Buffer): void {
    event.#rawBody = bytes;
    event.body = parseBody(bytes, event.headers["content-type"]);
  }
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
