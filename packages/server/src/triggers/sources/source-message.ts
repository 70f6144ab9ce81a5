import { createHash, randomUUID } from "node:crypto";
import { type EndpointRef, FaasError, formatSize, type Source } from "@faas/core";
import type { NewAsyncCall } from "@faas/gateway";
import { internalCall } from "../../async-calls/internal-call.ts";
import { forwardedLines } from "../forwarded-lines.ts";

/** Message of NATS, as far as functions see it. */
export interface SourceMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Names and values as they were sent. */
  readonly headers: Iterable<readonly [name: string, values: readonly string[]]>;
  /** Place in a stream; absent in core NATS. */
  readonly stream?: { readonly name: string; readonly sequence: number; readonly timestamp: string };
  /** Text that a repetition of the message has too. Absent: repetitions cannot be recognized. */
  readonly identity?: string;
}

/** Names that are not passed on: those of this server, and those by which it would recognize callers and repeated calls. */
const UNFORWARDED: ReadonlySet<string> = new Set(["authorization", "cookie", "idempotency-key"]);
/** Longest header lines: replicas accept 16 KiB with what gateways add. */
const MAX_LINES = 12 * 2 ** 10;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e]*$/;

/**
 * Builds the call for a message.
 *
 * @throws BODY_TOO_LARGE, HEADERS_TOO_LARGE
 */
export function sourceCall(
  ref: EndpointRef,
  { path: target = "/", order }: Pick<Source, "path" | "order">,
  message: SourceMessage,
  maxBytes: number,
): NewAsyncCall {
  const { subject, data, identity } = message;
  if (data.length > maxBytes)
    throw new FaasError(
      "BODY_TOO_LARGE",
      `Expected a message of at most ${formatSize(maxBytes)}, the body limit of the endpoint, got ${data.length} bytes`,
    );
  const body = Buffer.from(data.buffer, data.byteOffset, data.length);
  const lines = linesOf(message, body);
  if (lines.length > MAX_LINES)
    throw new FaasError("HEADERS_TOO_LARGE", `Expected at most ${MAX_LINES} bytes of headers, got ${lines.length}`);
  const call = internalCall({
    ...{ ...ref, target, body, requestId: randomUUID() },
    ...(identity === undefined ? {} : { idempotencyKey: `nats/${digestOf(identity)}` }),
    ...(order === undefined ? {} : { orderKey: `nats/${digestOf(subject)}` }),
  });
  return { ...call, request: { ...call.request, lines } };
}

/** Formats the headers of a message that can be headers of a request, and those that describe it. */
function linesOf({ headers, subject, stream }: SourceMessage, body: Buffer): string {
  const given = [...headers].flatMap(([name, values]) =>
    NAME.test(name) ? values.flatMap((value) => (VALUE.test(value) ? [name, value.trim()] : [])) : [],
  );
  const hasType = given.some((text, i) => i % 2 === 0 && text.toLowerCase() === "content-type");
  const contentType = hasType ? undefined : contentTypeOf(body);
  const own = [
    // A subject can have any character but spaces.
    ["X-Faas-Nats-Subject", subject.replaceAll(/[^!-~]+/gu, encodeURIComponent)],
    ...(stream === undefined
      ? []
      : [
          ["X-Faas-Nats-Stream", stream.name],
          ["X-Faas-Nats-Sequence", String(stream.sequence)],
          ["X-Faas-Nats-Time", stream.timestamp],
        ]),
    ...(contentType === undefined ? [] : [["Content-Type", contentType]]),
  ];
  const unchanged = forwardedLines({ headers: {}, rawHeaders: given }, UNFORWARDED);
  return unchanged + own.map(([name, value]) => `${name}: ${value}\r\n`).join("");
}

/** Returns the type of a body without one: JSON or text if it is that. */
function contentTypeOf(body: Buffer): string | undefined {
  if (body.length === 0) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return isJson(text) ? "application/json" : "text/plain; charset=utf-8";
  } catch {
    return "application/octet-stream";
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const digestOf = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 32);
