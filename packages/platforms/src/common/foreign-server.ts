import type { EndpointSpec } from "@faas/core";

/** Returns true for a server without a faas wrapper. */
export const isForeignServer = ({ app, runtime }: Partial<Pick<EndpointSpec, "app" | "runtime">>): boolean =>
  app === "server" || runtime === "dockerfile" || runtime === "binary";
