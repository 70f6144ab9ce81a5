import { createHmac, randomBytes } from "node:crypto";

/** Signatures of calls to URLs, as the Standard Webhooks specification has them (symmetric, `v1`). */

const KEY_PREFIX = "whsec_";
/** The specification allows 24 to 64. */
const KEY_BYTES = 32;

/** Generates a signing key: `whsec_` and base64. */
export const newSigningKey = (): string => KEY_PREFIX + randomBytes(KEY_BYTES).toString("base64");

/**
 * Returns the headers that identify and sign a message.
 *
 * @param id the same for each delivery of the message
 * @param keys each makes a signature, so that receivers can have either during a change
 */
export function signatureHeaders(
  id: string,
  body: Buffer,
  keys: readonly string[],
  nowMs: number,
): Readonly<Record<string, string>> {
  const timestamp = Math.floor(nowMs / 1000);
  const signatures = keys.map((key) => {
    const secret = Buffer.from(key.slice(KEY_PREFIX.length), "base64");
    return `v1,${createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest("base64")}`;
  });
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signatures.join(" ") };
}
