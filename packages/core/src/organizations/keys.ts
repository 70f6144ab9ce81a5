import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";

/** Keys: their scopes, and the tokens that prove their possession. */

/** Scopes of keys. `admin` is for the whole server, the others for one organization; `deploy` includes `read` and `invoke`. */
export const keyScopes = ["admin", "deploy", "invoke", "read"] as const;
export type KeyScope = (typeof keyScopes)[number];
export const orgScopes = ["deploy", "invoke", "read"] as const;
export type OrgScope = (typeof orgScopes)[number];

/** Returns true if a key's scope includes another scope. */
export function scopeAllows(scope: KeyScope, required: KeyScope): boolean {
  return scope === required || scope === "admin" || (scope === "deploy" && required !== "admin");
}

/** Stored data of a key, without the token. */
export interface KeyRecord {
  readonly name: string;
  readonly scope: KeyScope;
  /** Absent: the whole server. */
  readonly org?: string;
  /** SHA-256 of the token, hexadecimal. */
  readonly hash: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  /** Absent: never. */
  readonly expiresAt?: string;
  /** Accurate to about an hour. */
  readonly lastUsedAt?: string;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Length of an id: with 62^10 ids, collisions do not happen. */
const ID_LENGTH = 10;
/** Length of a secret: 62^43 > 2^256. */
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;

/**
 * Format of a token, `faas_<scope>_<id>_<secret and checksum>`: secret scanners can find leaked tokens, people can see which key it is, and a
 * mistyped one is detected without a server.
 */
const TOKEN = new RegExp(
  `^faas_(${keyScopes.join("|")})_([0-9A-Za-z]{${ID_LENGTH}})_[0-9A-Za-z]{${SECRET_LENGTH + CHECKSUM_LENGTH}}$`,
);

/** Prefix of every token. */
export const TOKEN_PREFIX = "faas_";

export interface NewKey {
  readonly id: string;
  readonly token: string;
  readonly hash: string;
}

/** Creates an id, a token with 256 random bits, and its hash. */
export function newKey(scope: KeyScope): NewKey {
  const id = randomText(ID_LENGTH);
  const body = `${TOKEN_PREFIX}${scope}_${id}_${randomText(SECRET_LENGTH)}`;
  const token = body + checksum(body);
  return { id, token, hash: hashOf(token) };
}

/** Returns the id in a token; undefined when the token is malformed or mistyped. */
export function keyIdOf(text: string): string | undefined {
  const [, , id] = TOKEN.exec(text) ?? [];
  if (id === undefined || checksum(text.slice(0, -CHECKSUM_LENGTH)) !== text.slice(-CHECKSUM_LENGTH)) return undefined;
  return id;
}

/** Hashes a token. With 256 random bits, a slow hash as for passwords would not be safer. */
const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");

/** Compares a token with a stored hash, in constant time. */
export function isTokenOf(token: string, hash: string): boolean {
  const expected = Buffer.from(hash, "hex");
  const actual = createHash("sha256").update(token).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** Compares two secrets in a time that does not depend on where they differ. */
export function isSameSecret(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Generates base 62 digits with a uniform distribution. */
function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    // 248 = 4 * 62: larger bytes would make some digits more likely.
    for (const byte of randomBytes(length)) if (byte < 248 && text.length < length) text += DIGITS[byte % 62];
  }
  return text;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = DIGITS[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** Formats the verifier of a key that is not in a server's state: `<id>:<hash>`. */
export const formatVerifier = ({ id, hash }: Pick<NewKey, "id" | "hash">): string => `${id}:${hash}`;

/** Parses a verifier; undefined when malformed. */
export function parseVerifier(text: string): Pick<NewKey, "id" | "hash"> | undefined {
  const [, id, hash] = /^([0-9A-Za-z]{10}):([0-9a-f]{64})$/.exec(text.trim()) ?? [];
  return id === undefined || hash === undefined ? undefined : { id, hash };
}

/** Returns the verifier of a token; undefined when the token is malformed or mistyped. */
export function verifierOf(token: string): string | undefined {
  const id = keyIdOf(token);
  return id === undefined ? undefined : formatVerifier({ id, hash: hashOf(token) });
}
