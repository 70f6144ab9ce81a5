import type { Readable } from "node:stream";
import { FaasError } from "@faas/core";
import { ClusterError } from "./cluster-error.ts";

/** Time for a request with all of its attempts. */
export const TIMEOUT_MS = 30_000;
/**
 * Timeouts of the attempts at an idempotent request, until its response starts. A connection may be dead without being closed: an attempt that times
 * out closes it, and the next one gets another connection. Later attempts have more time, for a slow server.
 */
const ATTEMPT_TIMEOUTS_MS = [3_000, 8_000, 19_000];
/** Error codes of an attempt on a connection that is dead, or was just closed. */
const DEAD_CONNECTION = /^(UND_ERR_HEADERS_TIMEOUT|UND_ERR_SOCKET|ECONNRESET|EPIPE|ETIMEDOUT)$/;
/** Timeout until the response of a watch or a log starts. */
export const STREAM_START_MS = 10_000;

export interface CallOptions {
  readonly body?: unknown;
  /**
   * Media type of the body.
   *
   * @defaultValue application/json
   */
  readonly contentType?: string;
  /**
   * Media type of the response.
   *
   * @defaultValue application/json
   */
  readonly accept?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Timeouts of one attempt at a request. */
export interface AttemptLimits {
  /** Time until the response starts. */
  readonly headersMs: number;
  /** Silence after which the body fails. */
  readonly bodyMs?: number;
}

/** Requests to the Kubernetes API. They reject with a `ClusterError`. */
export interface ClusterRequests {
  /** Sends a request and returns the parsed response. Retries a request without a response, except `POST`: all others are idempotent. */
  call<T>(method: string, path: string, options?: CallOptions): Promise<T>;
  /**
   * Opens a streamed response: a watch or a log.
   *
   * @param silenceMs time without data after which the stream fails
   */
  stream(
    path: string,
    query: Readonly<Record<string, string>>,
    silenceMs: number,
    signal: AbortSignal,
  ): Promise<Readable>;
  /** Converts the error of a request or of its stream into a `ClusterError`, or into the abort reason of the caller's signal. */
  failure(error: unknown, callerSignal: AbortSignal | undefined): unknown;
}

/**
 * Makes the attempts at a request within one timeout, and returns the parsed response of the first that gets one.
 *
 * @param send makes one attempt, and resolves with the text of its response
 * @param failure as in `ClusterRequests`
 */
export async function callWithRetries<T>(
  method: string,
  callerSignal: AbortSignal | undefined,
  send: (signal: AbortSignal, limits: AttemptLimits) => Promise<string>,
  failure: ClusterRequests["failure"],
): Promise<T> {
  // `AbortSignal.timeout` would retain its listeners for the whole time, after a call that took milliseconds.
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new DOMException("no response", "TimeoutError")), TIMEOUT_MS).unref();
  const signal = callerSignal ? AbortSignal.any([callerSignal, timeout.signal]) : timeout.signal;
  const timeouts = method === "POST" ? [TIMEOUT_MS] : ATTEMPT_TIMEOUTS_MS;
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        return JSON.parse(await send(signal, { headersMs: timeouts[attempt] as number })) as T;
      } catch (error) {
        const failed = failure(error, callerSignal);
        if (attempt === timeouts.length - 1 || timeout.signal.aborted || !isDeadConnection(failed)) throw failed;
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Converts the error of a request to the API server at `url` (see `ClusterRequests`). */
export function requestFailure(url: string, error: unknown, callerSignal: AbortSignal | undefined): unknown {
  if (callerSignal?.aborted) return callerSignal.reason;
  if (error instanceof FaasError) return error;
  const { code, message, name } = error as NodeJS.ErrnoException;
  const cause = name === "TimeoutError" ? `no response within ${TIMEOUT_MS / 1000} s` : (code ?? message);
  const detail = `The Kubernetes API server at ${url} does not answer (${cause}); see "kubectl cluster-info"`;
  return new ClusterError("CLUSTER_UNREACHABLE", detail, 0, "", error);
}

/** Returns the headers and the text of a request's body. */
export function encodedBody({ body, contentType = "application/json" }: CallOptions) {
  if (body === undefined) return { headers: {}, text: undefined };
  return { headers: { "content-type": contentType }, text: JSON.stringify(body) };
}

const isDeadConnection = (error: unknown) =>
  error instanceof ClusterError &&
  error.httpStatus === 0 &&
  DEAD_CONNECTION.test((error.cause as NodeJS.ErrnoException | undefined)?.code ?? "");
