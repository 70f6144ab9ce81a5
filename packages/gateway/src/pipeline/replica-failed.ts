import { FaasError } from "@faas/core";

/** Creates the error for a replica whose connection failed. */
export function replicaFailed(key: string, cause: Error): FaasError {
  return new FaasError(
    "REPLICA_FAILED",
    `The connection to the replica of ${key} failed before it responded (${cause.message}); "faas logs ${key}" may show why`,
    { cause },
  );
}

/** Tells whether the replica caused the error: it closed the connection, exited, or did not respond even at its timeout. A 502 of the function itself is a response. */
export const isReplicaFailure = (error: unknown) =>
  error instanceof FaasError && (error.status === 502 || error.status === 504);
