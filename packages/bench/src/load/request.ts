import { type Agent, type Dispatcher, request } from "undici";

/** Request to repeat. */
export interface Call {
  readonly url: string;
  /** @defaultValue GET, or POST with a body */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Certificate authorities of the server, PEM.
   *
   * @defaultValue those of Node
   */
  readonly ca?: string;
  readonly body?: string | Buffer;
}

/** Measurement of one request. */
export interface RequestResult {
  /** Milliseconds from the start of the run to the send time, or with a rate, to the due time. */
  readonly startMs: number;
  readonly latencyMs: number;
  /** HTTP status; 0 when no response came. */
  readonly status: number;
  /** True when the request waited for a replica to start. */
  readonly cold: boolean;
  /** Times in the response's `Server-Timing`: waiting for a slot and a replica, and the function itself. */
  readonly queueMs?: number;
  readonly execMs?: number;
  /** Replica that responded. */
  readonly replica?: string;
  /** Reason why no response came. */
  readonly error?: string;
  /** Reason that the body of a failed response has: the code and the detail of a problem document, or its first line. */
  readonly reason?: string;
}

/** Result of a load. */
export interface Run {
  readonly requests: readonly RequestResult[];
  readonly durationMs: number;
  /** Share of the time, 0 to 1, that this process was busy. Near 1, it measured itself. */
  readonly busy: number;
}

/** Returns true when no response came, or one with status 400 or above. */
export const isError = ({ status }: RequestResult): boolean => status === 0 || status >= 400;

/**
 * Sends one request and reads its response to the end. Never rejects: `error` has the reason of a failure.
 *
 * @param startedAt start of the run, by `performance.now()`
 * @param dueMs due time after the start of the run, from which latency counts
 */
export async function measure(
  { url, method, headers, body }: Call,
  dispatcher: Agent,
  startedAt: number,
  dueMs: number = performance.now() - startedAt,
  signal?: AbortSignal,
): Promise<RequestResult> {
  const times = () => ({ startMs: dueMs, latencyMs: performance.now() - startedAt - dueMs });
  try {
    const response = await request(url, {
      method: (method ?? (body === undefined ? "GET" : "POST")) as Dispatcher.HttpMethod,
      dispatcher,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    const { statusCode: status } = response;
    const reason = status >= 400 ? await readReason(response.body) : undefined;
    if (reason === undefined) await response.body.dump({ limit: Number.POSITIVE_INFINITY });
    const cold = response.headers["x-cold-start"] === "true";
    return {
      ...{ ...times(), status, cold, ...parseTiming(response.headers["server-timing"]) },
      ...(reason ? { reason } : {}),
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ...times(), status: 0, cold: false, error: code ?? message };
  }
}

/** Bytes of a failed response's body in which a reason is looked for. */
const MAX_REASON_BYTES = 4 * 1024;
const MAX_REASON_LENGTH = 200;

/** Reads a body to its end and returns the reason in it; empty without one. */
async function readReason(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    if (bytes < MAX_REASON_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  }
  const text = Buffer.concat(chunks).toString("utf8", 0, MAX_REASON_BYTES);
  return (problemIn(text) ?? text)
    .trim()
    .split(/[\r\n]/, 1)
    .join("")
    .slice(0, MAX_REASON_LENGTH);
}

/** Returns the code and the detail of a problem document (RFC 9457); undefined for another text. */
function problemIn(text: string): string | undefined {
  try {
    const { code, detail } = JSON.parse(text);
    return typeof code === "string" && typeof detail === "string" ? `${code}: ${detail}` : undefined;
  } catch {
    return undefined;
  }
}

/** Parses the gateway's entries of `Server-Timing` (W3C). They come last, after those that a function may have set itself. */
function parseTiming(header: string | string[] | undefined): Pick<RequestResult, "queueMs" | "execMs" | "replica"> {
  const entries = String(header ?? "").split(/,\s*/);
  const last = (name: string, field: string) =>
    entries.findLast((entry) => entry.startsWith(`${name};${field}=`))?.slice(name.length + field.length + 2);
  const exec = last("exec", "dur");
  const replica = last("replica", "desc");
  return {
    ...(exec === undefined ? {} : { queueMs: Number(last("queue", "dur") ?? 0), execMs: Number(exec) }),
    ...(replica === undefined ? {} : { replica }),
  };
}

/** Returns the agent options for certificate authorities. */
export const tlsOptions = (ca: string | undefined) => (ca === undefined ? {} : { connect: { ca } });
