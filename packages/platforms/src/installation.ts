/** The control server in a cluster: what `faas install`, `upgrade`, `uninstall` and `doctor` work with. */
export { type ClusterCheck, checkCluster } from "./cluster-checks.ts";
export { checkFromNode } from "./cluster-trial.ts";
export { KubernetesApi, type KubernetesObject } from "./kubernetes-api.ts";
export { KubernetesCredentials } from "./kubernetes-credentials.ts";
export { type Installation, installServer, readAdminToken, readInstallation, settingsFor } from "./server-install.ts";
export {
  EXPOSURES,
  type Exposure,
  type InstallSettings,
  SERVER,
  type ServerManifestOptions,
  serverManifests,
} from "./server-manifests.ts";
export type { ServerAddress, Waiting } from "./server-ready.ts";
export { findInstalled, type Installed, isNothing, keptClaim, uninstallServer } from "./server-uninstall.ts";
