import { FaasError } from "../errors.ts";

/** Shortest token that cannot be guessed. */
const MIN_LENGTH = 16;

/**
 * Parses the content of a file with the token of registries' notifications.
 *
 * @param file for messages
 * @throws USAGE
 */
export function parseRegistryHookToken(text: string, file: string): string {
  const token = text.trim();
  if (token.length >= MIN_LENGTH && !/\s/.test(token)) return token;
  throw new FaasError(
    "USAGE",
    `Expected ${file} to hold a token of at least ${MIN_LENGTH} characters without spaces, got ${token.length}: create one with "openssl rand -hex 32"`,
  );
}
