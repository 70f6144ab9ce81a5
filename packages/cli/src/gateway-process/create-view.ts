import type { Logger } from "@faas/core";
import type { GatewayView, Peers } from "@faas/gateway";
import { version } from "../version.ts";
import { type ClusterAccess, openCluster } from "./cluster.ts";
import type { GatewayOptions } from "./options.ts";

/** A gateway's view of the control server's state, and what it shares with other gateways. */
export interface ConnectedView extends AsyncDisposable {
  readonly view: GatewayView;
  /** Resolves when calls can be served: the view is complete, and the other gateways were met. */
  ready(): Promise<void>;
}

/** Inputs of a view besides the options. */
interface ViewContext {
  /** Absolute path. */
  readonly tokenFile: string | undefined;
  readonly token: (() => string) | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}

/**
 * Creates the view of a gateway, and starts what it shares with other gateways.
 *
 * @throws CLUSTER_CONFIG_INVALID, USAGE
 */
export async function createView(options: GatewayOptions, context: ViewContext): Promise<ConnectedView> {
  const { HttpLinkTransport, parseControlAddress, ViewClient } = await import("@faas/gateway");
  const { name, control, kubernetes = false } = options;
  const { tokenFile, env, log } = context;
  const peers = await openPeers(options, context, (org) => view.registry.org(org));
  const cluster: ClusterAccess | undefined = kubernetes
    ? await openCluster({
        ...{ env, log },
        endpoint: (key) => view.registry.get(key),
        onReplicas: (key, replicas) => view.setPlatformReplicas(key, replicas),
      })
    : undefined;
  const view: GatewayView = new ViewClient({
    identity: { name, version, pid: process.pid, ...(peers ? { peerAddress: peers.address } : {}) },
    transport: new HttpLinkTransport({
      address: parseControlAddress(control),
      ...(tokenFile === undefined ? {} : { tokenFile }),
    }),
    log,
    ...(peers
      ? { sharing: peers.group.sharing, onMembers: (members, isPartial) => peers.group.setContacts(members, isPartial) }
      : {}),
    ...(cluster ? { wakeDirectly: ({ spec }, replicas) => cluster.wake(spec, replicas) } : {}),
    onLinkState: (state) => cluster?.setAlone(state !== "linked"),
    onIncompatible(reason) {
      log.warn(`${reason}: this gateway ends, and has to be started again`);
      process.kill(process.pid, "SIGTERM");
    },
  });
  cluster?.start();
  return {
    view,
    async ready() {
      await view.ready();
      await peers?.joined();
    },
    async [Symbol.asyncDispose]() {
      await peers?.[Symbol.asyncDispose]();
      cluster?.[Symbol.dispose]();
    },
  };
}

/** Returns `undefined` for a gateway that shares nothing. */
async function openPeers(
  { name, peerListen, peerAddress }: GatewayOptions,
  { token, log }: ViewContext,
  orgOf: NonNullable<Parameters<typeof import("@faas/gateway").startPeers>[0]["orgOf"]>,
): Promise<Peers | undefined> {
  if (peerListen === undefined) return undefined;
  const { startPeers } = await import("@faas/gateway");
  return startPeers({
    ...{ name, listen: peerListen, orgOf, log },
    ...(peerAddress === undefined ? {} : { address: peerAddress }),
    ...(token === undefined ? {} : { token: token() }),
  });
}
