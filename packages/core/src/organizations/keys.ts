import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import { z } from "zod";
import { quantityPattern } from "../quantity-pattern.ts";
import { DURATION_UNITS, parseDuration } from "../units.ts";

/** Keys: what they may do, and the tokens that prove that one has them. */

/** `admin`: the whole server. The others are of one organization; `deploy` may all that `read` and `invoke` may. */
export const keyScopes = ["admin", "deploy", "invoke", "read"] as const;
export type KeyScope = (typeof keyScopes)[number];
export const orgScopes = ["deploy", "invoke", "read"] as const;
export type OrgScope = (typeof orgScopes)[number];

/** Whether a key with one scope may do what another stands for, where it may do anything. */
export function scopeAllows(has: KeyScope, wanted: KeyScope): boolean {
  return has === wanted || has === "admin" || (has === "deploy" && wanted !== "admin");
}

/** What is kept of a key: not the token. */
export interface KeyRecord {
  readonly name: string;
  readonly scope: KeyScope;
  /** Absent: of the whole server. */
  readonly org?: string;
  /** SHA-256 of the token, hexadecimal. */
  readonly hash: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  /** Absent: never. */
  readonly expiresAt?: string;
  /** To about an hour. */
  readonly lastUsedAt?: string;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** 62^10: ids do not meet. */
const ID_LENGTH = 10;
/** 62^43 > 2^256. */
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;

/**
 * `faas_<scope>_<id>_<secret and checksum>`: programs that look for leaked secrets can find it, people can tell which key it is, and a mistyped
 * one is known as such without a server.
 */
const TOKEN = new RegExp(
  `^faas_(${keyScopes.join("|")})_([0-9A-Za-z]{${ID_LENGTH}})_[0-9A-Za-z]{${SECRET_LENGTH + CHECKSUM_LENGTH}}$`,
);

/** What every token begins with. */
export const TOKEN_PREFIX = "faas_";

export interface NewKey {
  readonly id: string;
  readonly token: string;
  readonly hash: string;
}

/** A new id, a new token of 256 random bits, and its hash. */
export function newKey(scope: KeyScope): NewKey {
  const id = randomText(ID_LENGTH);
  const body = `${TOKEN_PREFIX}${scope}_${id}_${randomText(SECRET_LENGTH)}`;
  const token = body + checksum(body);
  return { id, token, hash: hashOf(token) };
}

/** The id in a token; undefined when the text is no token: of another form, or mistyped. */
export function keyIdOf(text: string): string | undefined {
  const [, , id] = TOKEN.exec(text) ?? [];
  if (id === undefined || checksum(text.slice(0, -CHECKSUM_LENGTH)) !== text.slice(-CHECKSUM_LENGTH)) return undefined;
  return id;
}

/** A token has 256 random bits: a slow hash, which passwords need, would make nothing safer. */
const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");

/** Whether the token is the one whose hash was kept; takes as long for any. */
export function isTokenOf(token: string, hash: string): boolean {
  const kept = Buffer.from(hash, "hex");
  const given = createHash("sha256").update(token).digest();
  return kept.length === given.length && timingSafeEqual(kept, given);
}

/** Of base 62 digits, each as likely as any other. */
function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    // 248 = 4 * 62: what is beyond would make some digits likelier.
    for (const byte of randomBytes(length)) if (byte < 248 && text.length < length) text += DIGITS[byte % 62];
  }
  return text;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = DIGITS[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** What a server is told of a key that is not in its state: `<id>:<hash>`. */
export const formatVerifier = ({ id, hash }: Pick<NewKey, "id" | "hash">): string => `${id}:${hash}`;

/** The reverse; undefined when it is none. */
export function parseVerifier(text: string): Pick<NewKey, "id" | "hash"> | undefined {
  const [, id, hash] = /^([0-9A-Za-z]{10}):([0-9a-f]{64})$/.exec(text.trim()) ?? [];
  return id === undefined || hash === undefined ? undefined : { id, hash };
}

/** The verifier of a token; undefined when it is no token. */
export function verifierOf(token: string): string | undefined {
  const id = keyIdOf(token);
  return id === undefined ? undefined : formatVerifier({ id, hash: hashOf(token) });
}

const MAX_MS = 10 * 365 * 86_400_000;
const expires = z
  .string()
  .refine((text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms > 0 && ms <= MAX_MS;
  }, "expected a duration such as 90d, at most 3650d")
  .optional()
  .meta({
    description: "How long it is good for (default: until it is revoked): a duration of at most 3650d",
    pattern: quantityPattern(DURATION_UNITS, 1, MAX_MS),
  });
const name = z
  .string()
  .regex(/^[A-Za-z0-9_.@/ -]{1,64}$/, "expected 1 to 64 letters, digits, spaces and . @ / - _")
  .optional()
  .describe("What it is for, for those who read the list (default: its scope)");

/** `POST /-/orgs/<org>/keys`. */
export const postOrgKeySchema = z
  .strictObject({
    scope: z.enum(orgScopes).describe("What it may do. deploy may read and invoke too"),
    name,
    expires,
  })
  .meta({ id: "CreateKey" });
export type PostOrgKey = z.input<typeof postOrgKeySchema>;

/** `POST /-/keys`: an admin key. */
export const postAdminKeySchema = z.strictObject({ name, expires }).meta({ id: "CreateAdminKey" });
export type PostAdminKey = z.input<typeof postAdminKeySchema>;
