import type { IncomingMessage } from "node:http";
import { Problem } from "../problem.ts";

/** Maximum size of a claim in bytes. */
const MAX_CLAIM_BYTES = 8 * 2 ** 20;

/**
 * Reads the body of a claim. Its limit is another than that of calls.
 *
 * @throws BODY_TOO_LARGE
 * @throws INVALID_REQUEST if its size is not known, or if the client disconnects.
 */
export function readClaimBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const size = Number(request.headers["content-length"]);
    if (Number.isNaN(size)) throw new Problem("INVALID_REQUEST", "Expected a claim with Content-Length");
    if (size > MAX_CLAIM_BYTES)
      throw new Problem("BODY_TOO_LARGE", `Expected a claim of at most ${MAX_CLAIM_BYTES} bytes, got ${size}`);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)));
    request.once("error", () => reject(new Problem("INVALID_REQUEST", "The claim ended before it was complete")));
  });
}
