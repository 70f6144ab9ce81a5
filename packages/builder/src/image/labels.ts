import { type EndpointRef, FaasError } from "@faas/core";
import type { Environment } from "../docker/config.ts";
import type { BaseImage } from "./base-image.ts";

/** What an image says of itself: annotations of the OCI image specification, and ours. */
export function imageLabels(
  { org, endpoint, labels }: EndpointRef & { readonly labels?: Readonly<Record<string, string>> },
  { source, base }: { readonly source: string; readonly base?: BaseImage },
): Record<string, string> {
  return {
    "org.opencontainers.image.title": `${org}/${endpoint}`,
    ...(base ? { "org.opencontainers.image.base.name": base.name } : {}),
    ...(base?.digest ? { "org.opencontainers.image.base.digest": base.digest } : {}),
    "faas.org": org,
    "faas.endpoint": endpoint,
    // Not the revision: that is made from the image's own digest and the settings.
    "faas.source-digest": source,
    ...labels,
  };
}

/**
 * When the source was made, RFC 3339: SOURCE_DATE_EPOCH (reproducible-builds.org) where it is set, else nothing that changes. Times of
 * files differ between two clones, and a commit changes the time without the content.
 */
export function sourceTime({ SOURCE_DATE_EPOCH: text }: Environment): string {
  if (text === undefined || text === "") return "1970-01-01T00:00:00Z";
  const date = new Date(Number(text) * 1000);
  if (/^\d+$/.test(text) && !Number.isNaN(date.getTime())) return date.toISOString().replace(".000Z", "Z");
  throw new FaasError("USAGE", `Expected SOURCE_DATE_EPOCH to be seconds since 1970, got "${text}"`);
}
