import type { Context } from "koa";

/** Returns the origin that the client reached the server by. A proxy that ends TLS sets the header; a client that sets it misleads only itself. */
export function originOf(context: Context): string {
  const forwarded = context.get("x-forwarded-proto").toLowerCase();
  return `${forwarded === "https" || forwarded === "http" ? forwarded : context.protocol}://${context.host}`;
}
