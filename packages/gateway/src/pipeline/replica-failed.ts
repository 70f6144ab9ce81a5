import { FaasError } from "@faas/core";

/** Creates the error for a replica whose connection failed. */
export function replicaFailed(key: string, cause: Error): FaasError {
  return new FaasError(
    "REPLICA_FAILED",
    `The connection to the replica of ${key} failed before it responded (${cause.message}); "faas logs ${key}" may show why`,
    { cause },
  );
}
