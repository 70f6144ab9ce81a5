/** What a function gets. */
export interface Event<Body = unknown> {
  readonly method: string;
  /** What follows `/<org>/<endpoint>`, still percent-encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, text, or bytes (`Buffer`); null when there is none. */
  readonly body: Body | null;
}

export interface Context {
  readonly org: string;
  readonly endpoint: string;
  readonly revision: string;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** Aborted at the deadline, and when the client goes away. */
  readonly signal: AbortSignal;
  readonly log: Readonly<Record<"debug" | "info" | "warn" | "error", (message: string, fields?: object) => void>>;
}
