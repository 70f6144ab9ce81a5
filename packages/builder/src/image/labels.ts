import type { EndpointRef } from "@faas/core";
import type { BaseImage } from "./base-image.ts";

/** Returns the labels of an image: annotations of the OCI image specification, and those of faas. */
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
    // Not the revision: its id is computed from the image's digest and the settings.
    "faas.source-digest": source,
    ...labels,
  };
}
