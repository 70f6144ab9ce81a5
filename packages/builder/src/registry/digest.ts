import { createHash } from "node:crypto";

/** Returns the digest of bytes: `sha256:` and 64 digits (OCI image specification, "Digests"). */
export const sha256 = (bytes: string | Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Returns true for the text of a digest. */
export const isDigest = (text: unknown): text is string =>
  typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
