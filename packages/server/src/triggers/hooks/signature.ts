import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { FaasError, type HookProvider, isSameSecret } from "@faas/core";

/** Largest difference between the time in a request and the server's, in seconds: older requests may be replays. */
const WINDOW_SECONDS = 300;

/** Proof of a request's sender in its headers. Everything that needs no body has been checked. */
export interface SignatureClaim {
  /**
   * Compares the proof with the secret, in constant time.
   *
   * @throws HOOK_SIGNATURE_INVALID
   */
  verify(secret: string, body: Buffer): void;
  /** Digest of the proof: a request that was sent twice has it twice. */
  readonly digest: string;
}

/**
 * Reads the proof of a request's sender, and its time.
 *
 * @throws HOOK_SIGNATURE_INVALID
 */
export function signatureClaim(provider: HookProvider, headers: IncomingHttpHeaders, nowMs: number): SignatureClaim {
  return CLAIMS[provider](headers, Math.floor(nowMs / 1_000));
}

const CLAIMS: Readonly<Record<HookProvider, (headers: IncomingHttpHeaders, nowSeconds: number) => SignatureClaim>> = {
  // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
  github(headers) {
    const header = "X-Hub-Signature-256";
    const [, digits] = /^sha256=([0-9a-f]{64})$/i.exec(required(headers, header)) ?? [];
    return hmacClaim(header, digits === undefined ? [] : [Buffer.from(digits, "hex")], "");
  },
  // https://docs.stripe.com/webhooks/signature
  stripe(headers, nowSeconds) {
    const header = "Stripe-Signature";
    const parts = required(headers, header).split(",");
    const values = (name: string) =>
      parts.flatMap((part) => (part.trim().startsWith(`${name}=`) ? [part.trim().slice(name.length + 1)] : []));
    const [time = ""] = values("t");
    checkTime(`t in ${header}`, time, nowSeconds);
    return hmacClaim(header, hexadecimal(values("v1")), `${time}.`);
  },
  // https://docs.slack.dev/authentication/verifying-requests-from-slack
  slack(headers, nowSeconds) {
    const header = "X-Slack-Signature";
    const signature = required(headers, header);
    const time = required(headers, "X-Slack-Request-Timestamp");
    checkTime("X-Slack-Request-Timestamp", time, nowSeconds);
    return hmacClaim(header, hexadecimal([signature.replace(/^v0=/, "")]), `v0:${time}:`);
  },
  // https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
  standard(headers, nowSeconds) {
    const header = "Webhook-Signature";
    const list = required(headers, header).split(" ");
    const id = required(headers, "Webhook-Id");
    const time = required(headers, "Webhook-Timestamp");
    checkTime("Webhook-Timestamp", time, nowSeconds);
    const signatures = list.flatMap((each) => (each.startsWith("v1,") ? [Buffer.from(each.slice(3), "base64")] : []));
    return hmacClaim(header, signatures, `${id}.${time}.`, standardKey);
  },
  token(headers) {
    const { "x-gitlab-token": gitlab, authorization = "" } = headers;
    const [, bearer] = /^Bearer +(.+)$/i.exec(authorization) ?? [];
    const token = typeof gitlab === "string" ? gitlab : bearer;
    if (token === undefined)
      throw invalid(
        'expected the header "Authorization: Bearer <secret>" or "X-Gitlab-Token: <secret>", but it is missing',
      );
    return {
      digest: sha256(token).toString("hex"),
      verify(secret) {
        if (!isSameSecret(token, secret)) throw invalid("the token of the request is not the secret of the webhook");
      },
    };
  },
};

/** Decodes a secret of Standard Webhooks. Text of another form would decode to a shorter key, or to none, which anyone could use. */
function standardKey(secret: string): Buffer {
  const text = secret.replace(/^whsec_/, "");
  if (/^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return Buffer.from(text, "base64");
  throw invalid('the secret of the webhook is not of the form "whsec_" and Base64, with at least 3 bytes');
}

/** @param prefix part of the signed text before the body */
function hmacClaim(
  header: string,
  signatures: readonly Buffer[],
  prefix: string,
  keyOf: (secret: string) => string | Buffer = (secret) => secret,
): SignatureClaim {
  if (signatures.length === 0)
    throw invalid(`expected the header ${header} to have a signature with HMAC-SHA256, but it has none`);
  return {
    digest: sha256(Buffer.concat([Buffer.from(prefix), ...signatures])).toString("hex"),
    verify(secret, body) {
      const expected = createHmac("sha256", keyOf(secret)).update(prefix).update(body).digest();
      const matches = signatures.filter((each) => each.length === expected.length && timingSafeEqual(each, expected));
      if (matches.length > 0) return;
      throw invalid(
        `no signature in the header ${header} matches: the body was changed on its way, or the secret of the webhook is not the sender's`,
      );
    },
  };
}

function required(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name.toLowerCase()];
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`expected the header ${name}, but it is missing`);
}

/** @param name for messages */
function checkTime(name: string, text: string, nowSeconds: number): void {
  if (!/^\d{1,12}$/.test(text)) throw invalid(`expected ${name} to be a time in seconds since 1970`);
  const age = nowSeconds - Number(text);
  if (Math.abs(age) <= WINDOW_SECONDS) return;
  const [seconds, direction] = age > 0 ? [age, "old"] : [-age, "in the future"];
  throw invalid(
    `expected ${name} to be within ${WINDOW_SECONDS} seconds of the server's time, but it is ${seconds} seconds ${direction}`,
  );
}

const hexadecimal = (signatures: readonly string[]) =>
  signatures.flatMap((each) => (/^[0-9a-f]{64}$/i.test(each) ? [Buffer.from(each, "hex")] : []));

const sha256 = (value: string | Buffer) => createHash("sha256").update(value).digest();

const invalid = (problem: string) =>
  new FaasError("HOOK_SIGNATURE_INVALID", `The sender of the webhook is not proven: ${problem}`);
