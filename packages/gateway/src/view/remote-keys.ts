import type { IncomingHttpHeaders } from "node:http";
import type { KeyVerifier, VerifiedKey } from "../keys/key-verifier.ts";
import { TokenVerifier } from "../keys/token-verifier.ts";
import type { GatewayKey } from "../protocol/messages.ts";

/** Interval at which the use of a key is reported at most. */
const USE_INTERVAL_MS = 3_600_000;

/** Keys that the control server has sent: verifies callers without asking it. */
export class RemoteKeys implements KeyVerifier {
  readonly #records = new Map<string, GatewayKey>();
  readonly #usedMs = new Map<string, number>();
  readonly #verifier: TokenVerifier<GatewayKey>;

  /**
   * @param onUse called for the use of a key, at most once an hour for each; returns false if that could not be reported
   * @param now returns milliseconds since the epoch
   */
  constructor(onUse: (id: string) => boolean, now: () => number = Date.now) {
    this.#verifier = new TokenVerifier({
      get: (id) => this.#records.get(id),
      onUse: ({ id }) => {
        const usedMs = this.#usedMs.get(id);
        if (usedMs !== undefined && now() - usedMs < USE_INTERVAL_MS) return;
        if (onUse(id)) this.#usedMs.set(id, now());
      },
      now,
    });
  }

  /** Ids of all keys. */
  ids(): IterableIterator<string> {
    return this.#records.keys();
  }

  get(id: string): GatewayKey | undefined {
    return this.#records.get(id);
  }

  put(id: string, record: GatewayKey): void {
    this.#records.set(id, record);
  }

  /** Removes a key; the streams and WebSockets that it opened end. */
  remove(id: string): void {
    this.#records.delete(id);
    this.#usedMs.delete(id);
    this.#verifier.endRevoked();
  }

  authenticate(headers: IncomingHttpHeaders): VerifiedKey {
    return this.#verifier.authenticate(headers);
  }

  signalOf(key: VerifiedKey): AbortSignal {
    return this.#verifier.signalOf(key);
  }
}
