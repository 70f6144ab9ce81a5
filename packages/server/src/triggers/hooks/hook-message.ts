import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Hook } from "@faas/core";
import type { SignatureClaim } from "./signature.ts";

/** Longest part of an idempotency key that is used as it is. */
const MAX_ID_LENGTH = 128;

/**
 * Returns the key by which a repeated webhook is recognized: the sender's id of it, or else its signature. Undefined where requests have neither.
 *
 * @param body verified
 */
export function hookIdempotencyKey(
  { name, provider }: Pick<Hook, "name" | "provider">,
  headers: IncomingHttpHeaders,
  body: Buffer,
  claim: SignatureClaim,
): string | undefined {
  const id = ID_OF[provider](headers, body) ?? (provider === "token" ? undefined : claim.digest);
  if (id === undefined) return undefined;
  return `hook/${name}/${id.length > MAX_ID_LENGTH || !/^[!-~]+$/.test(id) ? sha256(id) : id}`;
}

const ID_OF: Readonly<Record<Hook["provider"], (headers: IncomingHttpHeaders, body: Buffer) => string | undefined>> = {
  github: (headers) => textOf(headers["x-github-delivery"]),
  stripe: (_, body) => textOf(fieldsOf(body).id),
  slack: (_, body) => textOf(fieldsOf(body).event_id),
  standard: (headers) => textOf(headers["webhook-id"]),
  token: (headers) => textOf(headers["idempotency-key"]) ?? textOf(headers["webhook-id"]),
};

/**
 * Returns the response to a request that is for the receiver of webhooks, not for the function: GitHub's ping, and the question of Slack whether the URL
 * is right. Undefined for any other request.
 *
 * @param body verified
 */
export function receiverReply(
  { provider }: Pick<Hook, "provider">,
  headers: IncomingHttpHeaders,
  body: Buffer,
): string | undefined {
  if (provider === "github") return headers["x-github-event"] === "ping" ? "pong\n" : undefined;
  if (provider !== "slack") return undefined;
  const { type, challenge } = fieldsOf(body);
  return type === "url_verification" ? textOf(challenge) : undefined;
}

/** Returns the fields of a body that is a JSON object; none for any other body. */
function fieldsOf(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const textOf = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
