export type { RequestReport } from "@faas/gateway";
export { createAdminKey } from "./create-admin-key.ts";
export type { GatewayOrder, GatewayReport } from "./gateway-processes/messages.ts";
export type { GatewayInfo, GatewaySessions } from "./gateways/session-info.ts";
export type { KubernetesServerOptions, RunningServer, ServerOptions } from "./options.ts";
export { startServer } from "./server.ts";
export { type Lock, readLock } from "./state/data-dir-lock.ts";
export {
  type ReplaceableServer,
  type ReplaceableServerOptions,
  startReplaceableServer,
} from "./takeover/replaceable-server.ts";
