/** Request, as the function receives it. */
export interface Event<Body = unknown> {
  readonly method: string;
  /** Path after `/<org>/<endpoint>`, percent-encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, text, or bytes (`Buffer`); null for an empty body. */
  readonly body: Body | null;
  /** Bytes of the body, for the signature of a webhook. */
  readonly rawBody: Uint8Array;
}

export interface Context {
  readonly org: string;
  readonly endpoint: string;
  readonly revision: string;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** Aborted at the deadline, and when the client disconnects. */
  readonly signal: AbortSignal;
  readonly log: Readonly<Record<"debug" | "info" | "warn" | "error", (message: string, fields?: object) => void>>;
}
