import { FaasError } from "@faas/core";
import type { Context } from "koa";

const LIMIT_BYTES = 2 ** 20;

/** The parsed JSON body. UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, MALFORMED_JSON. */
export async function readJson(context: Context): Promise<unknown> {
  if (!context.is("json", "+json")) {
    const got = context.get("content-type");
    throw new FaasError(
      "UNSUPPORTED_MEDIA_TYPE",
      `Expected the header "Content-Type: application/json", got ${got ? `"${got}"` : "none"}`,
    );
  }
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of context.req) {
    size += piece.length;
    if (size > LIMIT_BYTES)
      throw new FaasError("BODY_TOO_LARGE", `Expected a body of at most ${LIMIT_BYTES} bytes, got more`);
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch (error) {
    throw new FaasError("MALFORMED_JSON", `The request body does not parse: ${(error as Error).message}`);
  }
}
