/** Installation of the control server in a cluster, for `faas install`, `upgrade`, `uninstall` and `doctor`. */

export { KubernetesApi, KubernetesCredentials, type KubernetesObject } from "@faas/platforms/kubernetes-client";
export { chartFiles, chartObjects } from "./chart/chart.ts";
export { type Installation, installServer, readAdminToken, readInstallation } from "./install.ts";
export { SERVER, volumeClaimPath } from "./labels.ts";
export { serverManifests } from "./manifests.ts";
export type { ClusterCheck } from "./preflight/cluster-check.ts";
export { checkCluster } from "./preflight/preflight.ts";
export { checkFromNode } from "./preflight/preflight-deep.ts";
export { checkRoute } from "./route/route-settings.ts";
export { newGatewayToken } from "./secrets/gateway-token.ts";
export { readServerSecrets, serverSecretsFor } from "./secrets/server-secrets.ts";
export type { ServerAddress } from "./server-address.ts";
export {
  EXPOSURES,
  type Exposure,
  hasGateways,
  type InstallSettings,
  type SecretValues,
  type ServerManifestOptions,
  type ServerSecrets,
  settingsFor,
} from "./settings.ts";
export { findInstalled, type Installed, isNothing, uninstallServer } from "./uninstall.ts";
export type { WaitOptions } from "./wait-options.ts";
