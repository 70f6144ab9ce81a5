import type { LinkConnection, LinkHandlers } from "../protocol/link.ts";

/** Delays between attempts to connect. */
const FIRST_MS = 50;
const MAX_MS = 500;

/** Opens connections to other gateways. A simulation has one of its own. */
export interface PeerTransport {
  /**
   * Opens a connection. The result is called back later, never within this call.
   * @param address `host:port`, or `unix:` and the path of a Unix socket
   * @returns a function that gives up
   */
  connect(
    address: string,
    onOpen: (connection: LinkConnection) => LinkHandlers,
    onFailed: (error: Error) => void,
  ): () => void;
}

export interface PeerDialerOptions {
  readonly transport: PeerTransport;
  readonly after: (ms: number, run: () => void) => () => void;
  readonly random: () => number;
  readonly onOpen: (connection: LinkConnection) => LinkHandlers;
}

interface Attempt {
  readonly address: string;
  delayMs: number;
  /** Cancels what is going on: a connection attempt, or the time until the next one. */
  cancel: () => void;
}

/** Tries to connect to gateways until each is connected. */
export class PeerDialer {
  readonly #options: PeerDialerOptions;
  readonly #attempts = new Map<string, Attempt>();

  constructor(options: PeerDialerOptions) {
    this.#options = options;
  }

  /**
   * Makes attempts for exactly these gateways.
   * @param targets addresses by name
   */
  setTargets(targets: ReadonlyMap<string, string>): void {
    for (const [name, attempt] of this.#attempts) {
      if (targets.get(name) === attempt.address) continue;
      attempt.cancel();
      this.#attempts.delete(name);
    }
    for (const [name, address] of targets) {
      if (this.#attempts.has(name)) continue;
      const attempt: Attempt = { address, delayMs: FIRST_MS, cancel: () => {} };
      this.#attempts.set(name, attempt);
      this.#dial(attempt);
    }
  }

  #dial(attempt: Attempt): void {
    const { transport, after, random, onOpen } = this.#options;
    const retry = () => {
      const delayMs = attempt.delayMs * (0.5 + random() / 2);
      attempt.delayMs = Math.min(attempt.delayMs * 2, MAX_MS);
      attempt.cancel = after(delayMs, () => this.#dial(attempt));
    };
    attempt.cancel = transport.connect(
      attempt.address,
      (connection) => {
        // The other end may still refuse the connection, so the next attempt is scheduled.
        retry();
        return onOpen(connection);
      },
      retry,
    );
  }
}
