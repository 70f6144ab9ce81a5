import { FaasError, formatSize } from "@faas/core";
import type { Exchange } from "./exchange.ts";

/** Bodies up to this size are read before they are sent: a connection that breaks then costs a retry, not an error. */
const BUFFERED_BYTES = 64 * 1024;
/** Requests that may wait for one endpoint. */
const WAITING_LIMIT = 10_000;

/** Refuses what is over a limit, and finds out about the body. BODY_TOO_LARGE, NO_CAPACITY. */
export async function admit(exchange: Exchange): Promise<void> {
  const { endpoint, request } = exchange;
  if (endpoint.waiting >= WAITING_LIMIT) {
    throw new FaasError("NO_CAPACITY", `${WAITING_LIMIT} requests wait for ${endpoint.key} already`);
  }
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (encoding !== undefined) {
    exchange.body = undefined;
  } else if (length !== undefined && length !== "0") {
    const bytes = Number(length);
    if (bytes > endpoint.spec.bodyLimitBytes) throw tooLarge(endpoint.spec.bodyLimitBytes);
    exchange.body = bytes <= BUFFERED_BYTES ? await readSmall(exchange, bytes) : undefined;
  }
}

export function tooLarge(limitBytes: number): FaasError {
  return new FaasError(
    "BODY_TOO_LARGE",
    `Expected a body of at most ${formatSize(limitBytes)}, got more; "faas deploy --body-limit" sets it`,
  );
}

function readSmall({ request }: Exchange, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.once("end", () => resolve(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, bytes)));
    request.once("error", reject);
    request.once("close", () => {
      if (!request.complete) reject(new FaasError("INVALID_REQUEST", "The request ended before its body was complete"));
    });
  });
}
