import type { IncomingHttpHeaders } from "node:http";
import type { KeyRecord } from "@faas/core";

/** A key that a caller has proven to hold. */
export interface VerifiedKey {
  readonly id: string;
  readonly record: KeyRecord;
}

/** Checks the keys of callers; the control server provides it. */
export interface KeyVerifier {
  /**
   * Returns the key of a request.
   * @throws UNAUTHENTICATED
   */
  authenticate(headers: IncomingHttpHeaders): VerifiedKey;
  /** Returns a signal that aborts when the key is revoked or expires, for connections that outlive their authorization. */
  signalOf(key: VerifiedKey): AbortSignal;
}
