import { nominatedBy } from "../http/call/end-to-end-headers.ts";
import { HeaderBlock } from "../http/call/header-block.ts";
import { HeaderField } from "../http/call/header-field.ts";
import { TIMES_HEADER } from "../traces/times-header.ts";

/** Rule by which the end of a response's body is found (RFC 9112 section 6.3). */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

/** The head of a replica's response. */
export interface ResponseHead {
  readonly status: number;
  /** All header fields but that of the wrapper's times, in their order. */
  readonly fields: readonly HeaderField[];
  /** Header fields that are passed on to the client. */
  readonly headers: HeaderBlock;
  /** Value of the header Connection; empty if there is none. */
  readonly connection: string;
  readonly framing: Framing;
  /** Milliseconds for which the connection can be reused; 0 if it cannot. */
  readonly keepMs: number;
  /** Times of the wrapper, if the gateway asked for them. */
  readonly times: string | undefined;
}

const CR = 13;
const LF = 10;

const NO_BODY: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };
const UNTIL_CLOSE: Framing = { kind: "until-close" };

/** Reuse ends this long before the timeout of `Keep-Alive: timeout=5`, so that a request does not arrive after it. */
const KEEP_MARGIN_MS = 1_000;

/**
 * Parses a head, without its last empty line, decoded as latin1. Throws an `Error` where two readers could disagree on the end of the body (RFC 9112
 * section 11.2). Names and values are checked later, when they are formatted for the client.
 * @param keepMs longest time for which the connection can be reused
 * @param previous head before it on the connection: fields that it has in common with this one are parsed once
 */
export function parseResponseHead(text: string, method: string, keepMs: number, previous?: ResponseHead): ResponseHead {
  let end = endOfLine(text, 0);
  const { status, isFirstMinor } = statusOf(text.slice(0, end));
  const fields: HeaderField[] = [];
  let length: string | undefined;
  let coding: string | undefined;
  let connection = "";
  let hintMs = keepMs;
  let times: string | undefined;
  /** The fields that are passed on are the previous ones. */
  let isSame = true;
  while (end < text.length) {
    const start = end + 2;
    const expected = previous?.fields[fields.length];
    const isExpected = expected !== undefined && isLine(text, start, expected.received);
    end = isExpected ? start + expected.received.length : endOfLine(text, start);
    const field = isExpected ? expected : parseField(text.slice(start, end));
    const { key, value } = field;
    // The few calls that have it must not move the fields that all have.
    if (key === TIMES_HEADER) {
      times ??= value;
      continue;
    }
    isSame &&= isExpected || !(field.isPassedOn || expected?.isPassedOn);
    if (key === "content-length") {
      if (length === value) continue;
      if (length !== undefined) throw new Error("more than one Content-Length");
      if (!/^\d{1,15}$/.test(value)) throw new Error(`Content-Length is not a number: "${value}"`);
      length = value;
      // Dropped: the client would wait for a body that cannot come (RFC 9110 section 8.6).
      if (status < 200 || status === 204) continue;
    }
    fields.push(field);
    if (key === "transfer-encoding") coding = coding === undefined ? value : `${coding}, ${value}`;
    else if (key === "connection") connection = connection === "" ? value : `${connection}, ${value}`;
    else if (key === "keep-alive") hintMs = (value === lastHint.value ? lastHint.ms : hintedMs(value)) ?? keepMs;
  }
  if (coding !== undefined && !isFirstMinor) throw new Error("Transfer-Encoding is not allowed in HTTP/1.0");
  const framing = framingOf(status, method, length, coding);
  const reusable = framing !== UNTIL_CLOSE && persists(isFirstMinor, connection);
  isSame &&= fields.length === previous?.fields.length && connection === previous.connection;
  const headers = previous !== undefined && isSame ? previous.headers : passedOn(fields, connection);
  return { status, fields, headers, connection, framing, keepMs: reusable ? Math.min(keepMs, hintMs) : 0, times };
}

interface Status {
  readonly line: string;
  readonly status: number;
  /** HTTP/1.1, not HTTP/1.0. */
  readonly isFirstMinor: boolean;
}

/** Cache of the last status line: most are the same. */
let lastStatus: Status = { line: "HTTP/1.1 200 OK", status: 200, isFirstMinor: true };

function statusOf(line: string): Status {
  if (line === lastStatus.line) return lastStatus;
  const [, minor, code] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/.exec(line) ?? [];
  if (code === undefined) throw new Error(`expected HTTP/1.1, got "${line.slice(0, 100)}"`);
  lastStatus = { line, status: Number(code), isFirstMinor: minor === "1" };
  return lastStatus;
}

function parseField(line: string): HeaderField {
  const colon = line.indexOf(":");
  if (colon <= 0) throw new Error(`expected a header field, got "${line.slice(0, 100)}"`);
  return new HeaderField(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim(), line);
}

/** Tells whether there is a line at an index. */
function isLine(text: string, at: number, line: string): boolean {
  const end = at + line.length;
  if (end !== text.length && (text.charCodeAt(end) !== CR || text.charCodeAt(end + 1) !== LF)) return false;
  // V8 compares whole strings several times as fast as startsWith does.
  return text.slice(at, end) === line;
}

/** Returns the fields that are not of the connection to the replica. */
function passedOn(fields: readonly HeaderField[], connection: string): HeaderBlock {
  const nominated = nominatedBy(connection);
  return new HeaderBlock(fields.filter((field) => field.isPassedOn && !nominated?.includes(field.key)));
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\r\n", from);
  return end < 0 ? text.length : end;
}

function framingOf(status: number, method: string, length: string | undefined, coding: string | undefined): Framing {
  if (coding !== undefined && length !== undefined) throw new Error("both Content-Length and Transfer-Encoding");
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return NO_BODY;
  if (coding !== undefined) {
    if (coding.toLowerCase() !== "chunked") throw new Error(`Transfer-Encoding is not "chunked": "${coding}"`);
    return CHUNKED;
  }
  if (length === undefined) return UNTIL_CLOSE;
  return { kind: "length", bytes: Number(length) };
}

/** Tells whether a connection persists: by default in HTTP/1.1, only with `keep-alive` in HTTP/1.0 (RFC 9112 section 9.3). */
function persists(byDefault: boolean, connection: string): boolean {
  if (connection === "") return byDefault;
  if (connection === "keep-alive") return true;
  const options = connection.toLowerCase().split(/[\s,]+/);
  return !options.includes("close") && (byDefault || options.includes("keep-alive"));
}

/** Cache of the last value: replicas send the same one every time. */
const lastHint: { value: string; ms: number | undefined } = { value: "", ms: undefined };

function hintedMs(value: string): number | undefined {
  const [, seconds] = /(?:^|[\s,])timeout=(\d{1,6})/i.exec(value) ?? [];
  lastHint.value = value;
  lastHint.ms = seconds === undefined ? undefined : Math.max(0, Number(seconds) * 1000 - KEEP_MARGIN_MS);
  return lastHint.ms;
}
