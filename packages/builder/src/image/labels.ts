import type { EndpointRef } from "@faas/core";
import type { BaseImage } from "./base-image.ts";

/** Returns the labels of an image: annotations of the OCI image specification, and those of faas. */
export function imageLabels(
  { org, endpoint, labels }: EndpointRef & { readonly labels?: Readonly<Record<string, string>> },
  { source, base }: { readonly source: string; readonly base?: BaseImage },
): Record<string, string> {
  return {
    "org.opencontainers.image.title": `${org}/${endpoint}`,
    ...(base ? baseLabels(base) : {}),
    "faas.org": org,
    "faas.endpoint": endpoint,
    // Not the revision: its id is computed from the image's digest and the settings.
    "faas.source-digest": source,
    ...labels,
  };
}

/** Returns the labels of an image for warm pods, which endpoints of an organization share. */
export const warmImageLabels = (
  { org, labels }: Pick<EndpointRef, "org"> & { readonly labels?: Readonly<Record<string, string>> },
  base: BaseImage,
): Record<string, string> => ({ ...baseLabels(base), "faas.org": org, ...labels });

const baseLabels = ({ name, digest }: BaseImage): Record<string, string> => ({
  "org.opencontainers.image.base.name": name,
  ...(digest ? { "org.opencontainers.image.base.digest": digest } : {}),
});
