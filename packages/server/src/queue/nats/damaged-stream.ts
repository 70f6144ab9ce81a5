import { FaasError } from "@faas/core";

/** Returns an error about a message of the stream that cannot be read. */
export const damagedStream = (stream: string, sequence: number, cause: Error): FaasError =>
  new FaasError(
    "STATE_DAMAGED",
    `Message ${sequence} of the stream ${stream} cannot be read: ${cause.message}. Was it written by another program, or a later version?`,
    { cause },
  );
