import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Replica } from "@faas/core";

/** Interval at which bridges of stopped replicas are closed. */
const SWEEP_MS = 5_000;

/** Bridge to one replica. */
interface Bridge {
  readonly server: Server;
  readonly address: string;
  isListening: boolean;
}

/**
 * Lets other processes reach replicas that only this process can connect to, such as servers with a private network: a Unix socket for each, whose
 * connections are passed on.
 */
export class ReplicaBridges implements Disposable {
  readonly #folder: string;
  readonly #listed: () => Iterable<Replica>;
  readonly #onListening: () => void;
  readonly #bridges = new Map<Replica["connect"], Bridge>();
  #count = 0;
  /** Runs while there are bridges. */
  #sweep: NodeJS.Timeout | undefined;

  /**
   * @param folder existing folder for the sockets, with a short path
   * @param listed returns all replicas: bridges of others are closed
   * @param onListening called when a replica can be reached that could not be before
   */
  constructor(folder: string, listed: () => Iterable<Replica>, onListening: () => void) {
    this.#folder = folder;
    this.#listed = listed;
    this.#onListening = onListening;
  }

  /** Returns the address at which other processes reach a replica; undefined if they cannot yet. */
  addressOf({ address, connect }: Replica): string | undefined {
    if (connect === undefined) return address;
    const bridge = this.#bridges.get(connect) ?? this.#open(connect);
    return bridge.isListening ? bridge.address : undefined;
  }

  [Symbol.dispose](): void {
    this.#retain(new Set());
  }

  #retain(listed: ReadonlySet<Replica["connect"]>): void {
    for (const [connect, { server }] of this.#bridges) {
      if (listed.has(connect)) continue;
      this.#bridges.delete(connect);
      // Open connections stay: their calls finish.
      server.close();
    }
    if (this.#bridges.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #open(connect: NonNullable<Replica["connect"]>): Bridge {
    this.#sweep ??= setInterval(() => {
      this.#retain(new Set(Array.from(this.#listed(), (replica) => replica.connect)));
    }, SWEEP_MS).unref();
    const path = join(this.#folder, `${++this.#count}.sock`);
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => void passOn(client, connect));
    const bridge: Bridge = { server, address: `unix:${path}`, isListening: false };
    this.#bridges.set(connect, bridge);
    server.on("error", () => this.#bridges.delete(connect));
    server.listen(path, () => {
      bridge.isListening = true;
      this.#onListening();
    });
    server.unref();
    return bridge;
  }
}

/** Connects a client with the replica, until either closes. */
async function passOn(client: Socket, connect: NonNullable<Replica["connect"]>): Promise<void> {
  client.on("error", () => client.destroy());
  try {
    const replica = (await connect()) as Socket;
    replica.on("error", () => client.destroy());
    client.once("close", () => replica.destroy());
    replica.once("close", () => client.destroySoon());
    client.pipe(replica);
    replica.pipe(client);
  } catch {
    client.destroy();
  }
}
