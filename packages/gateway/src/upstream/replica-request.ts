/** A request as it goes to a replica. */
export interface ReplicaRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Header lines, each with CR LF. The length of the body and the requested protocol are added after them. */
  readonly headerLines: string;
  /** The whole body as latin1, none, or a stream. */
  readonly body: string | null | BodySource;
  /** The protocol to change to. */
  readonly upgrade: string | undefined;
  /** Longest time until the head of the response, and then between two chunks of its body. */
  readonly timeoutMs: number;
}

/** A streamed body. */
export interface BodySource {
  /** Length in bytes; `undefined` if it is not known. */
  readonly length: number | undefined;
  /** Starts to write the body to the sink; called once. */
  start(sink: BodySink): void;
  /** Continues after the sink returned `false`. */
  resume(): void;
  /** Stops writing to the sink. */
  stop(): void;
}

export interface BodySink {
  /** Writes bytes that are valid until it returns. Returns `false` to be written to only after `resume`. */
  write(chunk: Buffer): boolean;
  end(): void;
}
