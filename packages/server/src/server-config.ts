import type { Platform, ServerConfig } from "@faas/core";
import type { BundleStore } from "./bundles/bundle-store.ts";
import type { ServerOptions } from "./options.ts";

/** Builds the response body of `GET /-/config`. */
export const serverConfig = (
  version: string,
  { kubernetes }: Pick<ServerOptions, "kubernetes">,
  { name, accepts, scalers }: Pick<Platform, "name" | "accepts" | "scalers">,
  { limitBytes }: Pick<BundleStore, "limitBytes">,
): ServerConfig => ({
  version,
  platform: name,
  accepts,
  scalers,
  ...(kubernetes?.registry ? { registry: kubernetes.registry } : {}),
  ...(kubernetes?.baseRegistry ? { baseRegistry: kubernetes.baseRegistry } : {}),
  bundleLimitBytes: limitBytes,
  ...(accepts === "image" ? { warmImages: true } : {}),
  deploymentSources: true,
});
