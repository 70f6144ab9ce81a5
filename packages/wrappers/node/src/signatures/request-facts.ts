import type { IncomingMessage } from "node:http";
import type { Call } from "../call.ts";
import { hasBody, readBody } from "../request/body.ts";
import { parseBody } from "../request/parse-body.ts";

/** Splits a request's target into the path and the query, both as sent. */
export function pathAndQueryOf({ url = "/" }: IncomingMessage): { readonly path: string; readonly query: string } {
  const question = url.indexOf("?");
  if (question < 0) return { path: url, query: "" };
  return { path: url.slice(0, question) || "/", query: url.slice(question + 1) };
}

/** Parses the query of a request: a list if a name is repeated. */
export function parsedQueryOf(request: IncomingMessage): Record<string, string | string[]> {
  return parsePairs(pathAndQueryOf(request).query);
}

/** Returns the client's address: the last one in X-Forwarded-For, which the gateway has added. */
export function clientAddressOf({ headers, socket }: IncomingMessage): string {
  const forwarded = headers["x-forwarded-for"];
  return String(forwarded ?? socket.remoteAddress ?? "127.0.0.1")
    .split(",")
    .at(-1)
    ?.trim() as string;
}

/** Reads the whole body of a call, decoded; empty without a body. */
export function bodyOf({ request }: Call): Promise<Buffer> {
  return hasBody(request) ? readBody(request) : Promise.resolve(Buffer.alloc(0));
}

/** Parses a body as the middleware of Express does: JSON, text and forms, which become objects; others stay bytes. Undefined without a body. */
export function parsedBodyOf({ headers }: IncomingMessage, body: Buffer, defaultType = ""): unknown {
  if (body.length === 0) return undefined;
  const type = headers["content-type"] ?? defaultType;
  const parsed = parseBody(body, type);
  return /^\s*application\/x-www-form-urlencoded/i.test(type) ? parsePairs(parsed as string) : parsed;
}

function parsePairs(text: string): Record<string, string | string[]> {
  const pairs = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = pairs.get(name);
    pairs.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(pairs);
}
