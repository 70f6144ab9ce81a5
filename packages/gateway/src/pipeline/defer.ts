import { FaasError, parseDuration } from "@faas/core";
import type { AcceptedCall, AsyncCallAcceptor, NewAsyncCall } from "../async-calls/acceptor.ts";
import { HeaderBlock } from "../http/call/header-block.ts";
import { authorityOf } from "../http/request-path.ts";
import { bodyLimitOf, bodyTooLarge } from "./admit.ts";
import type { RoutedExchange, Stage } from "./exchange.ts";

/** The preference for an asynchronous call in a list of preferences (RFC 7240 section 4.1). */
const RESPOND_ASYNC = /(?:^|,)[ \t]*respond-async[ \t]*(?:;[^,]*)?(?:,|$)/i;
/** Longest time before the first delivery: 30 days. */
const MAX_DELAY_MS = 30 * 86_400_000;
/** Longest key, in characters. */
const MAX_KEY_LENGTH = 255;

/**
 * Stores a request that prefers an asynchronous response, and responds with 202 and the place of the call. Others proceed.
 * @throws INVALID_REQUEST, BODY_TOO_LARGE, CALLS_LIMITED, QUEUE_FAILED, CONTROL_SERVER_AWAY
 */
export function defer(acceptor: AsyncCallAcceptor | undefined): Stage {
  return (exchange) => {
    const { prefer } = exchange.request.headers;
    if (prefer === undefined || acceptor === undefined || !isForDeferral(exchange, prefer)) exchange.proceed();
    else acceptBody(exchange, (body) => accept(exchange, body, acceptor));
  };
}

const isForDeferral = ({ origin, upgrade }: RoutedExchange, prefer: string) =>
  origin === "client" && upgrade === undefined && RESPOND_ASYNC.test(prefer);

/** Reads the body of a request as a whole. */
function acceptBody(exchange: RoutedExchange, onBody: (body: Buffer) => void): void {
  exchange.deferred = true;
  const { body, endpoint, request } = exchange;
  if (body !== undefined) {
    onBody(Buffer.from(body ?? "", "latin1"));
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.readBody({
    data(chunk) {
      bytes += chunk.length;
      if (bytes > bodyLimitOf(endpoint)) exchange.fail(bodyTooLarge(endpoint));
      else chunks.push(Buffer.from(chunk));
      return true;
    },
    end: () => onBody(Buffer.concat(chunks)),
  });
}

async function accept(exchange: RoutedExchange, body: Buffer, acceptor: AsyncCallAcceptor): Promise<void> {
  // A client that disconnected cannot know whether the call was accepted.
  if (exchange.finished) return;
  try {
    respond(exchange, await acceptor.accept(newCall(exchange, body)));
  } catch (error) {
    exchange.fail(error);
  }
}

function newCall({ request, endpoint, requestId, target, revisionName }: RoutedExchange, body: Buffer): NewAsyncCall {
  const { method, url, caller, headers } = request;
  const { "x-faas-delay": delay, "x-faas-order-key": givenOrderKey } = headers;
  const { spec } = endpoint;
  const recorded = {
    ...{ method, url, target, requestId },
    host: authorityOf(url, headers.host),
    address: caller.address,
    proto: caller.proto,
    lines: linesWithoutOwn(request.endToEndLines()),
    headers: recordedHeaders(headers),
    ...(revisionName === undefined ? {} : { revision: revisionName }),
  };
  const idempotencyKey = keyOf("Idempotency-Key", headers["idempotency-key"]);
  const orderKey = keyOf("X-Faas-Order-Key", givenOrderKey);
  return {
    org: spec.org,
    endpoint: spec.variantOf ?? spec.endpoint,
    servingRevision: spec.revision,
    request: recorded,
    body,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(orderKey === undefined ? {} : { orderKey }),
    ...(delay === undefined ? {} : { delayMs: delayOf(delay) }),
  };
}

/** Headers that the gateway reads again when it delivers the call; none has a key of the caller. */
const RECORDED = [
  "forwarded",
  "idempotency-key",
  "traceparent",
  "tracestate",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
] as const;

function recordedHeaders(headers: RoutedExchange["request"]["headers"]): Readonly<Record<string, string>> {
  const recorded: Record<string, string> = {};
  for (const name of RECORDED) {
    const value = headers[name];
    if (value !== undefined) recorded[name] = value;
  }
  return recorded;
}

/** Headers that are for the gateway. */
const OWN_LINE = /^(?:prefer|x-faas-(?:delay|order-key|call-id|attempt)):.*\r\n/gim;

const linesWithoutOwn = (lines: string) => lines.replace(OWN_LINE, "");

function keyOf(header: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value === "" || value.length > MAX_KEY_LENGTH)
    throw new FaasError(
      "INVALID_REQUEST",
      `Expected the header ${header} to have 1 to ${MAX_KEY_LENGTH} characters, got ${value.length}`,
    );
  return value;
}

function delayOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms > MAX_DELAY_MS)
    throw new FaasError(
      "INVALID_REQUEST",
      `Expected the header X-Faas-Delay to be a duration of at most 30d, such as 10s, got "${text}"`,
    );
  return ms;
}

function respond(exchange: RoutedExchange, { id, isDuplicate }: AcceptedCall): void {
  if (exchange.finished) return;
  const location = `/-/orgs/${exchange.endpoint.spec.org}/calls/${id}`;
  const body = `${JSON.stringify({ id, location, ...(isDuplicate ? { duplicate: true } : {}) })}\n`;
  exchange.status = 202;
  const headers = HeaderBlock.of([
    ...["Content-Type", "application/json", "Content-Length", String(body.length)],
    ...["Location", location, "Preference-Applied", "respond-async", "X-Request-Id", exchange.requestId],
  ]);
  exchange.response.writeHead(202, headers, "", false);
  exchange.finish(true, body);
}
