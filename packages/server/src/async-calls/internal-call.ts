import type { NewAsyncCall } from "@faas/gateway";

/** A call that the server makes itself: of a schedule, a trigger or a destination. */
export interface InternalCall {
  readonly org: string;
  readonly endpoint: string;
  /** Revision or tag. Absent: the serving revision. */
  readonly revision?: string;
  /** @defaultValue POST */
  readonly method?: string;
  /** Path and query, as the function sees them. @defaultValue / */
  readonly target?: string;
  /** Headers of the request, by name. Values must be valid in a header (RFC 9110 section 5.5). */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly requestId: string;
  readonly idempotencyKey?: string;
  readonly orderKey?: string;
  readonly delayMs?: number;
}

/** Builds an asynchronous call as if a client on this machine had made it. */
export function internalCall(call: InternalCall): NewAsyncCall {
  const { org, endpoint, revision, method = "POST", target = "/", headers = {}, requestId } = call;
  const { idempotencyKey, orderKey, delayMs } = call;
  return {
    ...{ org, endpoint },
    request: {
      ...{ method, target, requestId },
      url: `/${org}/${endpoint}${target}`,
      ...{ host: "localhost", address: "127.0.0.1", proto: "http" },
      lines: Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(""),
      headers: idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
      ...(revision === undefined ? {} : { revision }),
    },
    body: call.body ?? Buffer.alloc(0),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(orderKey === undefined ? {} : { orderKey }),
    ...(delayMs === undefined ? {} : { delayMs }),
  };
}
