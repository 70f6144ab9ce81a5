/** The control server in a cluster: what `faas install`, `upgrade`, `uninstall` and `doctor` work with. */

export { KubernetesApi, KubernetesCredentials, type KubernetesObject } from "@faas/platforms/kubernetes-client";
export { type Installation, installServer, readAdminToken, readInstallation, settingsFor } from "./install.ts";
export {
  EXPOSURES,
  type Exposure,
  type InstallSettings,
  SERVER,
  type ServerManifestOptions,
  serverManifests,
} from "./manifests.ts";
export { type ClusterCheck, checkCluster } from "./preflight.ts";
export { checkFromNode } from "./preflight-deep.ts";
export { findInstalled, type Installed, isNothing, keptClaim, uninstallServer } from "./uninstall.ts";
export type { ServerAddress, Waiting } from "./wait-ready.ts";
