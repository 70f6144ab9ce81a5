import type { Caller } from "./caller.ts";
import type { HeaderBlock } from "./header-block.ts";

/** Names of the headers that the gateway itself reads, in lower case. */
export type KnownHeader =
  | "authorization"
  | "forwarded"
  | "host"
  | "idempotency-key"
  | "traceparent"
  | "tracestate"
  | "x-faas-token"
  | "x-forwarded-for"
  | "x-forwarded-host"
  | "x-forwarded-proto"
  | "x-request-id";

/** Names of headers that only requests have which `node:http` reads (fast-reader/request-head.ts). */
export type NodeOnlyHeader = "prefer" | "x-faas-delay" | "x-faas-order-key";

/** Receiver of a request's body. */
export interface BodyConsumer {
  /** Called with bytes that are valid until it returns. Returns `false` to be called only after `resumeBody`. */
  data(bytes: Buffer): boolean;
  end(): void;
}

/** A client's request, whichever reader parsed it. */
export interface ClientRequest {
  readonly method: string;
  /** Request target, as the client sent it. */
  readonly url: string;
  readonly caller: Caller;
  /** Length of the body, 0 without one; `undefined` for chunks. */
  readonly bodyLength: number | undefined;
  /** Values of the headers that the gateway reads; others may be missing. */
  readonly headers: Readonly<Partial<Record<KnownHeader | NodeOnlyHeader, string | undefined>>>;
  /** Returns the lines of the headers that are passed on unchanged, each with CR LF. */
  endToEndLines(): string;
  /** Starts to read the body; called once. A client that waits for `100 Continue` is asked for it. */
  readBody(consumer: BodyConsumer): void;
  /** Continues after the consumer returned `false`. */
  resumeBody(): void;
  /** Stops calling the consumer. */
  stopBody(): void;
}

/** Receiver of a client's events. */
export interface ClientListener {
  /** Called when the connection closes, also after the response. */
  clientClosed(): void;
  /** Called when the client has received enough for more to be written. */
  clientDrained(): void;
}

/** The response to a client's request. */
export interface ClientResponse {
  listener: ClientListener | undefined;
  /** The head has been written, or will be together with the first bytes of the body. */
  readonly headSent: boolean;
  /** The connection is closed. */
  readonly closed: boolean;
  /**
   * Writes the status and the headers. Throws if they contain characters that are not allowed.
   * @param own lines of further headers, each with CR LF
   * @param flush sends them at once, and not with the first bytes of the body
   */
  writeHead(status: number, headers: HeaderBlock, own: string, flush: boolean): void;
  /** Writes bytes of the body, which are valid until it returns. Returns `false` to be called only after the listener's `clientDrained`. */
  write(bytes: Buffer): boolean;
  /**
   * Ends the response. The rest of the request's body is read and discarded, for a limited time: closing at once would reset the connection, and the client
   * might lose the response (RFC 9112 section 9.6).
   * @param sized whether the client can tell the end of the response before it is signaled
   * @param last the rest of the body, valid until it returns; a string is latin1
   */
  end(sized: boolean, last: string | Buffer | undefined): void;
  /** Closes the connection. */
  destroy(): void;
}

/** A request and the response to it. */
export interface ClientCall extends ClientRequest, ClientResponse {}

/** Longest time for which the rest of a request's body is read after the response. */
export const LEFTOVER_MS = 5_000;
