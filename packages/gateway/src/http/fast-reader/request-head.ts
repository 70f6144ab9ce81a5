import type { KnownHeader } from "../call/client-call.ts";
import { GATEWAY_HEADERS, HOP_BY_HOP } from "../call/end-to-end-headers.ts";
import { HOST } from "../request-validation.ts";
import { isFaasBearer } from "../token-header.ts";

/** Longest head. `node:http` reads longer ones, and has its own limit. */
export const MAX_HEAD_BYTES = 8 * 1024;
/** Most header fields. `validateRequest` allows more. */
const MAX_FIELDS = 100;

/** Methods, and whether a body is usual. */
const METHODS: ReadonlyMap<string, boolean> = new Map([
  ["GET", false],
  ["HEAD", false],
  ["OPTIONS", false],
  ["POST", true],
  ["PUT", true],
  ["PATCH", true],
  ["DELETE", true],
]);
const LONGEST_METHOD = 7;

/** Characters of a token (RFC 9110 section 5.6.2) but `_`, which other interfaces read as `-`. */
const NAME = charSet(/[!#$%&'*+.^`|~\dA-Za-z-]/);
/** Visible characters and the space; neither the tab nor bytes that are not ASCII. */
const VALUE = charSet(/[\x20-\x7e]/);
/** Characters of a path and a query (RFC 3986 section 3). */
const TARGET = charSet(/[\dA-Za-z\-._~!$&'()*+,;=:@%/?]/);

/** Headers that make a request unusual. */
const UNUSUAL: ReadonlySet<string> = new Set([
  "expect",
  "http2-settings",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // They concern the first proxy of a client.
  "proxy-authenticate",
  "proxy-authorization",
  // An old name of Connection, which node:http obeys.
  "proxy-connection",
]);

/** Treatment of a header that the gateway knows. Any of them is usual only once. */
type Handling = "unusual" | "dropped" | "passed on";

const HANDLING: ReadonlyMap<string, Handling> = new Map<string, Handling>([
  ...[...HOP_BY_HOP, ...GATEWAY_HEADERS].map((name) => [name, UNUSUAL.has(name) ? "unusual" : "dropped"] as const),
  ["authorization", "passed on"],
  ["idempotency-key", "passed on"],
  // It may ask for an asynchronous call, which has more headers of its own.
  ["prefer", "unusual"],
]);

/** Values of the known headers of a request. */
export type KnownHeaders = Record<KnownHeader | "connection" | "content-length", string | undefined>;

/** The head of a usual request. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly bodyLength: number;
  /** The client wants to use the connection again. */
  readonly keepAlive: boolean;
  readonly fields: Fields;
  /** Length of the head, including its empty line. */
  readonly length: number;
}

/** The header fields of a usual request. */
export interface Fields {
  readonly known: KnownHeaders;
  /** Lines of the headers that are passed on unchanged. */
  readonly endToEndLines: string;
  /** Lines of all fields, and the empty line. */
  readonly text: string;
}

/** Result of a head that is not all there, but usual as far as it goes. */
export const INCOMPLETE = "incomplete";
/** Result of a head that `node:http` has to read. */
export const NOT_USUAL = "not usual";

const SPACE = 32;
const CR = 13;
const LF = 10;
const COLON = 58;
const SLASH = 47;
const VERSION = "HTTP/1.1\r\n";

/**
 * Parses the head of a request, decoded as latin1, if it is usual. This is the one list of what is: everything that two readers could understand differently,
 * and everything rare, is not, and `node:http` reads it (docs/decisions/0032-own-client-reader.md).
 * - HTTP/1.1, a method of `METHODS`, a path and perhaps a query
 * - names that are tokens without `_`, a colon, one space, and values of visible ASCII characters and spaces between them
 * - exactly one Host, at most one Content-Length in canonical form, and only for methods with a body
 * - no header of `UNUSUAL`, none that the gateway knows twice, and no option in Connection but `close` or `keep-alive`
 * - at most `MAX_FIELDS` fields and `MAX_HEAD_BYTES`
 *
 * @param previous fields of the previous request of the connection: clients that send the same ones again are parsed once
 */
export function parseRequestHead(text: string, previous?: Fields): RequestHead | typeof INCOMPLETE | typeof NOT_USUAL {
  const space = text.indexOf(" ");
  if (space < 0) return isPrefixOfMethod(text) ? INCOMPLETE : NOT_USUAL;
  const method = text.slice(0, space);
  const mayHaveBody = METHODS.get(method);
  if (mayHaveBody === undefined) return NOT_USUAL;
  const targetEnd = endOf(text, space + 1, TARGET);
  if (targetEnd === text.length) return isOrCanBe(text, space + 1, SLASH) ? INCOMPLETE : NOT_USUAL;
  if (text.charCodeAt(targetEnd) !== SPACE || text.charCodeAt(space + 1) !== SLASH) return NOT_USUAL;
  const versionEnd = targetEnd + 1 + VERSION.length;
  if (!text.startsWith(VERSION, targetEnd + 1))
    return text.length < versionEnd && VERSION.startsWith(text.slice(targetEnd + 1)) ? INCOMPLETE : NOT_USUAL;
  const fields =
    previous !== undefined && isAt(text, versionEnd, previous.text) ? previous : parseFields(text, versionEnd);
  if (typeof fields === "string") return fields;
  const { known } = fields;
  const bodyLength = lengthOf(known["content-length"], mayHaveBody);
  if (bodyLength === undefined) return NOT_USUAL;
  const target = text.slice(space + 1, targetEnd);
  const keepAlive = known.connection === undefined || isKeepAlive(known.connection);
  return { method, target, fields, bodyLength, keepAlive, length: versionEnd + fields.text.length };
}

/** Parses the header fields from an index on. */
function parseFields(text: string, from: number): Fields | typeof INCOMPLETE | typeof NOT_USUAL {
  const parser = new FieldParser(text);
  const result = parser.parse(from);
  if (result !== undefined) return result;
  const { known, passedOn, end } = parser;
  const { host, connection } = known;
  if (host === undefined || !HOST.test(host)) return NOT_USUAL;
  if (connection !== undefined && !isKeepAlive(connection) && connection.toLowerCase() !== "close") return NOT_USUAL;
  return { known, endToEndLines: passedOn, text: text.slice(from, end) };
}

/** Parses header fields. */
class FieldParser {
  readonly known: KnownHeaders = {
    authorization: undefined,
    connection: undefined,
    "content-length": undefined,
    forwarded: undefined,
    host: undefined,
    "idempotency-key": undefined,
    traceparent: undefined,
    tracestate: undefined,
    "x-faas-token": undefined,
    "x-forwarded-for": undefined,
    "x-forwarded-host": undefined,
    "x-forwarded-proto": undefined,
    "x-request-id": undefined,
  };
  passedOn = "";
  end = 0;
  readonly #text: string;
  /** Names of known headers that have no value in `known`. */
  #others = "";

  constructor(text: string) {
    this.#text = text;
  }

  /** Parses all fields and the empty line. Returns `undefined` if all are usual. */
  parse(from: number): typeof INCOMPLETE | typeof NOT_USUAL | undefined {
    const text = this.#text;
    const { length } = text;
    /** Start of the lines that are passed on, and have not been copied. */
    let pending = from;
    for (let at = from, count = 0; ; count++) {
      const colon = endOf(text, at, NAME);
      if (colon === length) return INCOMPLETE;
      if (colon === at) {
        const ended = lineEnd(text, at);
        if (ended !== undefined) return ended;
        this.end = at + 2;
        if (at > pending) this.passedOn += text.slice(pending, at);
        return undefined;
      }
      if (text.charCodeAt(colon) !== COLON || count === MAX_FIELDS) return NOT_USUAL;
      const start = colon + 2;
      const end = endOf(text, start, VALUE);
      // Exactly one space before the value, and no space after it.
      if (!isOrCanBe(text, colon + 1, SPACE) || text.charCodeAt(start) === SPACE) return NOT_USUAL;
      if (end >= length) return INCOMPLETE;
      const ended = lineEnd(text, end);
      if (ended !== undefined) return ended;
      if (end === start || text.charCodeAt(end - 1) === SPACE) return NOT_USUAL;
      const name = text.slice(at, colon).toLowerCase();
      const handling = HANDLING.get(name);
      if (handling !== undefined) {
        const value = text.slice(start, end);
        if (handling === "unusual" || !this.#keep(name, value)) return NOT_USUAL;
        // The caller's key must not reach the function.
        if (handling === "dropped" || (name === "authorization" && isFaasBearer(value))) {
          if (at > pending) this.passedOn += text.slice(pending, at);
          pending = end + 2;
        }
      }
      at = end + 2;
    }
  }

  /** Keeps the value of a known header. Returns `false` if there is one already. */
  #keep(name: string, value: string): boolean {
    if (name in this.known) {
      if (this.known[name as keyof KnownHeaders] !== undefined) return false;
      this.known[name as keyof KnownHeaders] = value;
    } else {
      if (this.#others.includes(`${name}:`)) return false;
      this.#others += `${name}:`;
    }
    return true;
  }
}

/** Returns the index of the first character from an index on that is not in the set. */
function endOf(text: string, from: number, set: Uint8Array): number {
  const { length } = text;
  let at = from;
  while (at < length && set[text.charCodeAt(at)] === 1) at++;
  return at;
}

/** Returns `undefined` if there is a line end at an index. */
function lineEnd(text: string, at: number): typeof INCOMPLETE | typeof NOT_USUAL | undefined {
  if (text.charCodeAt(at) !== CR) return NOT_USUAL;
  if (at + 1 === text.length) return INCOMPLETE;
  return text.charCodeAt(at + 1) === LF ? undefined : NOT_USUAL;
}

/** Tells whether a part is at an index. V8 compares whole strings several times as fast as startsWith does. */
const isAt = (text: string, at: number, part: string) => text.slice(at, at + part.length) === part;

/** Tells whether a character is at an index, or the text ends before it. */
const isOrCanBe = (text: string, at: number, code: number) => at >= text.length || text.charCodeAt(at) === code;

function isPrefixOfMethod(text: string): boolean {
  if (text.length > LONGEST_METHOD) return false;
  for (const method of METHODS.keys()) if (method.startsWith(text)) return true;
  return false;
}

/** Returns the length of the body; `undefined` if it is not usual. */
function lengthOf(value: string | undefined, mayHaveBody: boolean): number | undefined {
  if (value === undefined || value === "0") return 0;
  return mayHaveBody && /^[1-9]\d{0,14}$/.test(value) ? Number(value) : undefined;
}

const isKeepAlive = (connection: string) => connection.toLowerCase() === "keep-alive";

/** Returns a table with 1 for each character that matches; there are 256 in latin1. */
function charSet(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (pattern.test(String.fromCharCode(code)) ? 1 : 0));
}
