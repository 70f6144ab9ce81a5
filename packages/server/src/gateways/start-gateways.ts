import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type EndpointSpec, FaasError, type LimitNumbers, type Logger, type Platform } from "@faas/core";
import { type EndpointRegistry, PROTOCOL_VERSION, SYSTEM_CLOCK } from "@faas/gateway";
import type { KeyService } from "../auth/key-service.ts";
import { socketFolder } from "../lib/socket-path.ts";
import type { Store } from "../state/store.ts";
import { GatewayGroup, type ReportSink } from "./group.ts";
import type { ControlAddress } from "./listener.ts";
import type { GatewaysOptions } from "./options.ts";
import { GatewayPresence } from "./presence.ts";
import { Publisher } from "./publisher.ts";
import { ReplicaBridges } from "./replica-bridge.ts";
import { StatusMessages } from "./state-messages.ts";

export interface GatewaysContext {
  /** Version of the program. */
  readonly version: string;
  /** Folder for what no two servers can share. */
  readonly workDir: string;
  readonly requiresKeys: boolean;
  readonly platform: Platform;
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly store: Store;
  readonly keys: KeyService;
  readonly limitsOf: (org: string) => LimitNumbers;
  readonly reports: ReportSink;
  /** Gateways record the stages of replicas' starts in traces. */
  readonly sendStart: boolean;
  readonly log: Logger;
  /** Receives what has to be undone when the server stops. */
  readonly stack: { use<T extends Disposable | AsyncDisposable>(value: T): T; defer(undo: () => void): void };
}

/** Creates the group of gateways in other processes, and publishes the state to them. */
export function startGateways(context: GatewaysContext): GatewayGroup {
  const { version, platform, registry, store, keys, limitsOf, reports, log, stack } = context;
  const instance = randomBytes(6).toString("hex");
  const bridgeFolder = socketFolder(context.workDir, "bridges");
  for (const left of readdirSync(bridgeFolder)) rmSync(join(bridgeFolder, left), { force: true });
  const replicas = function* () {
    for (const { status } of registry.awake) yield* status?.replicas ?? [];
  };
  const bridges = stack.use(new ReplicaBridges(bridgeFolder, replicas, () => refreshBridged(registry, group)));
  const statuses = new StatusMessages(instance, (replica) => bridges.addressOf(replica), context.sendStart);
  const group: GatewayGroup = new GatewayGroup({
    ...{ registry, log, reports },
    hello: {
      ...{ type: "hello", protocol: PROTOCOL_VERSION, version, instance },
      ...{ platform: platform.name, requiresKeys: context.requiresKeys },
    },
    clock: SYSTEM_CLOCK,
    notReady: () => platform.notReady,
    outliveServer: platform.gateways !== undefined,
    publisher: (broadcast) =>
      new Publisher({
        ...{ registry, statuses, broadcast, clock: SYSTEM_CLOCK },
        orgs: () => store.orgs(),
        limitsOf: (org) => (store.hasOrg(org) ? limitsOf(org) : undefined),
        keys: () => keys.all(),
        keyOf: (id) => keys.get(id),
      }),
  });
  stack.defer(
    store.subscribe(({ key, org, endpoint }: ChangedThing) => {
      if (org === undefined) group.keyChanged(key as string);
      else if (endpoint === undefined) group.orgChanged(org);
    }),
  );
  if (platform.gateways) {
    const running = platform.gateways.bind(platform);
    stack.use(new GatewayPresence({ running, sessions: group, log })).start();
  }
  return group;
}

/** Names in a change of the state. */
interface ChangedThing {
  readonly key?: string;
  readonly org?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** Publishes replicas again that are reached over bridges. */
function refreshBridged(registry: EndpointRegistry<EndpointSpec>, group: GatewayGroup): void {
  for (const endpoint of registry.awake)
    if (endpoint.status?.replicas.some(({ connect }) => connect !== undefined)) group.statusChanged(endpoint);
}

/**
 * Returns the address for gateways: that of the options, or a Unix socket in the data folder, which sandboxed functions cannot open.
 * @throws USAGE
 */
export async function controlAddress({ listen }: GatewaysOptions, dataDir: string): Promise<ControlAddress> {
  if (listen === undefined) return { path: join(socketFolder(dataDir, "control"), "gateways.sock") };
  const { host, port, tokenFile } = listen;
  const token = (await readFile(tokenFile, "utf8")).trim();
  // An empty one would admit everyone.
  if (token === "")
    throw new FaasError("USAGE", `Expected ${tokenFile} to hold the token of the gateways, got nothing`);
  return { host, port, token };
}
