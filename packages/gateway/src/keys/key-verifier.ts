import type { IncomingHttpHeaders } from "node:http";
import type { GatewayKey } from "../protocol/messages.ts";

/** A key that a caller has proven to hold. */
export interface VerifiedKey<Record extends GatewayKey = GatewayKey> {
  readonly id: string;
  readonly record: Record;
}

/** Checks the keys of callers. */
export interface KeyVerifier {
  /**
   * Returns the key of a request.
   * @throws UNAUTHENTICATED
   */
  authenticate(headers: IncomingHttpHeaders): VerifiedKey;
  /** Returns a signal that aborts when the key is revoked or expires, for connections that outlive their authorization. */
  signalOf(key: VerifiedKey): AbortSignal;
}
