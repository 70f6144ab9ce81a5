import { Connection, type ConnectionOptions } from "../../queue/nats/connection.ts";

/** Connection of all sources, opened when the first one needs it. The queue has its own, so that messages of sources do not hold it up. */
export class SharedConnection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  #opening: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  #isDisposed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /**
   * Returns the connection; undefined when the signal aborts first.
   *
   * @throws QUEUE_UNAVAILABLE, QUEUE_CONFIG_INVALID
   */
  async get(signal: AbortSignal): Promise<Connection | undefined> {
    if (signal.aborted) return undefined;
    const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
    const onAbort = () => resolve(undefined);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([this.#open(), aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#connection?.[Symbol.asyncDispose]();
  }

  #open(): Promise<Connection> {
    if (this.#connection?.client.isClosed()) this.#opening = undefined;
    this.#opening ??= this.#connect().catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #connect(): Promise<Connection> {
    const connection = await Connection.open(this.#options);
    if (this.#isDisposed) await connection[Symbol.asyncDispose]();
    else this.#connection = connection;
    return connection;
  }
}
