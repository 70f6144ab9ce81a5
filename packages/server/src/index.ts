export { createAdminKey } from "./admin-key.ts";
export type { RequestReport } from "./gateway.ts";
export { type Lock, readLock } from "./lock.ts";
export {
  type KubernetesServerOptions,
  type RunningServer,
  type ServerOptions,
  startServer,
} from "./main.ts";
