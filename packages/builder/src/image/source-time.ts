import { FaasError } from "@faas/core";
import type { Environment } from "../docker/config.ts";

/** Time of everything that must have one: constant, so that equal content gives equal images. */
export const UNIX_EPOCH = "1970-01-01T00:00:00Z";

/**
 * Returns the creation time of an image, RFC 3339: SOURCE_DATE_EPOCH (reproducible-builds.org) if it is set, else {@link UNIX_EPOCH}.
 * File times differ between two clones, and a commit changes its time without the content.
 *
 * @throws USAGE
 */
export function sourceTime({ SOURCE_DATE_EPOCH: text }: Environment): string {
  if (text === undefined || text === "") return UNIX_EPOCH;
  const date = new Date(Number(text) * 1000);
  if (/^\d+$/.test(text) && !Number.isNaN(date.getTime())) return date.toISOString().replace(".000Z", "Z");
  throw new FaasError("USAGE", `Expected SOURCE_DATE_EPOCH to be seconds since 1970, got "${text}"`);
}
