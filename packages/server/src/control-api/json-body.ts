import { FaasError } from "@faas/core";
import type { Context } from "koa";
import { bodyOf } from "./drain-body.ts";

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
  const tooLarge = () => new FaasError("BODY_TOO_LARGE", `Expected a body of at most ${LIMIT_BYTES} bytes, got more`);
  if ((context.request.length ?? 0) > LIMIT_BYTES) throw tooLarge();
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of bodyOf(context.req)) {
    size += piece.length;
    if (size > LIMIT_BYTES) throw tooLarge();
    pieces.push(piece);
  }
  return parse(Buffer.concat(pieces));
}

function parse(body: Buffer): unknown {
  try {
    // RFC 8259 section 8.1: UTF-8, and nothing is guessed where it is not.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    throw new FaasError("MALFORMED_JSON", `The request body does not parse: ${(error as Error).message}`);
  }
}
