import { type Agent, type Dispatcher, request } from "undici";

/** What is called again and again. */
export interface Call {
  readonly url: string;
  /** GET, or POST with a body. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Certificates, PEM, that the server's has to be signed by; without, those that Node knows. */
  readonly ca?: string;
  readonly body?: string | Buffer;
}

/** One request. Times in milliseconds. */
export interface Measured {
  /** When it was sent, or, with a rate, when it was due; since the run began. */
  readonly startMs: number;
  readonly latencyMs: number;
  /** 0: no answer came. */
  readonly status: number;
  /** It waited for a replica to start. */
  readonly cold: boolean;
  /** What the answer's `Server-Timing` says: waiting for a place and for a replica, and the function itself. */
  readonly queueMs?: number;
  readonly execMs?: number;
  /** The replica that answered. */
  readonly replica?: string;
  /** Why no answer came. */
  readonly error?: string;
}

export interface Run {
  readonly requests: readonly Measured[];
  readonly durationMs: number;
  /** The part of the time, 0 to 1, that this process was busy: near 1 it measured itself. */
  readonly busy: number;
}

export const isError = ({ status }: Measured): boolean => status === 0 || status >= 400;

/** Sends one request and reads its answer to the end. Never rejects: what failed is in `error`. `dueMs` counts since `began`. */
export async function measure(
  { url, method, headers, body }: Call,
  dispatcher: Agent,
  began: number,
  dueMs: number = performance.now() - began,
  signal?: AbortSignal,
): Promise<Measured> {
  const times = () => ({ startMs: dueMs, latencyMs: performance.now() - began - dueMs });
  try {
    const answer = await request(url, {
      method: (method ?? (body === undefined ? "GET" : "POST")) as Dispatcher.HttpMethod,
      dispatcher,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    await answer.body.dump({ limit: Number.POSITIVE_INFINITY });
    const cold = answer.headers["x-cold-start"] === "true";
    return { ...times(), status: answer.statusCode, cold, ...timing(answer.headers["server-timing"]) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ...times(), status: 0, cold: false, error: code ?? message };
  }
}

/** The gateway's part of `Server-Timing` (W3C); it stands last, behind what a function may have said itself. */
function timing(header: string | string[] | undefined): Pick<Measured, "queueMs" | "execMs" | "replica"> {
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

/** Options of an agent. */
export const trusting = (ca: string | undefined) => (ca === undefined ? {} : { connect: { ca } });
