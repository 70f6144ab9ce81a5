import { FaasError } from "@faas/core";
import type { Context } from "koa";
import { bodyOf } from "./drain-body.ts";
import type { RequestBody } from "./route.ts";

/** Body that the handler reads itself. */
export const unreadBody = (mediaType: string): RequestBody<undefined> => ({
  mediaType,
  isRequired: true,
  read: async () => undefined,
});

/**
 * Reads the bytes of a body.
 *
 * @throws BODY_TOO_LARGE
 */
export async function readRawBody(context: Context, maxBytes: number): Promise<Buffer> {
  const tooLarge = () => new FaasError("BODY_TOO_LARGE", `Expected a body of at most ${maxBytes} bytes, got more`);
  if ((context.request.length ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bodyOf(context.req)) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
