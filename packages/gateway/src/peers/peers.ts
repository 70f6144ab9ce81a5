import type { RateLimited } from "../endpoints/slot-sharing.ts";
import { SYSTEM_CLOCK } from "../protocol/link.ts";
import { PeerGroup } from "./peer-group.ts";
import type { PeerLog } from "./peer-group-options.ts";
import { listenForPeers, type PeerListener, socketTransport } from "./peer-sockets.ts";

export interface PeersOptions {
  /** Name of this gateway, unique among those of its control server. */
  readonly name: string;
  /** Address to listen at for other gateways: `host:port`, or `unix:` and a path. */
  readonly listen: string;
  /** Address at which the others reach it. @defaultValue the one that it listens at */
  readonly address?: string;
  /** Token of the gateways; needed except on a Unix socket. */
  readonly token?: string;
  /** Returns an organization that has endpoints. */
  readonly orgOf: (name: string) => RateLimited | undefined;
  readonly log: PeerLog;
}

/** A gateway's part of the group that shares slots and rates. */
export interface Peers extends AsyncDisposable {
  readonly group: PeerGroup;
  /** Address at which the others reach it. */
  readonly address: string;
  /** Resolves when calls can be served: all other gateways were met, or do not respond. Rejects with the signal's reason. */
  joined(signal?: AbortSignal): Promise<void>;
}

/**
 * Listens for other gateways. Slots and rates are shared once `group.setContacts` has been called with those that the control server lists.
 * @throws what `listen` of a server throws, for example EADDRINUSE
 */
export async function startPeers(options: PeersOptions): Promise<Peers> {
  const { name, listen, token, orgOf, log } = options;
  const joining = Promise.withResolvers<void>();
  let group: PeerGroup | undefined;
  const listener: PeerListener = await listenForPeers(listen, (connection) => {
    if (group) return group.accept(connection);
    // It tries again.
    connection.close();
    return { onText() {}, onClose() {} };
  });
  const address = options.address ?? listener.address;
  group = new PeerGroup({
    ...{ name, address, orgOf, log },
    ...(token === undefined ? {} : { token }),
    transport: socketTransport,
    clock: SYSTEM_CLOCK,
    defer: setImmediate,
    random: Math.random,
    onJoined: joining.resolve,
  });
  const started = group;
  return {
    group: started,
    address,
    joined(signal) {
      if (signal === undefined) return joining.promise;
      const aborted = new Promise<never>((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      return Promise.race([joining.promise, aborted]);
    },
    async [Symbol.asyncDispose]() {
      started.stop();
      await listener[Symbol.asyncDispose]();
    },
  };
}
