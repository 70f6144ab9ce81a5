import type { Server } from "node:http";
import { createServer } from "node:net";
import { listenOn } from "@faas/gateway";

const ADVICE = "; choose another port with --port, or 0 for a free one";

export interface ListenOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Port on which a server that this one takes over from listens. */
  readonly sharedWith?: number | undefined;
}

/** Systems where a successor can listen on the same port (SO_REUSEPORT, socket(7)). Elsewhere a port has one listener. */
export const canSharePort = process.platform === "linux";

/**
 * Listens on an address such that a successor can listen there too; returns the port.
 *
 * @throws PORT_IN_USE
 */
export async function listen(server: Server, { host, port, sharedWith }: ListenOptions): Promise<number> {
  const isShared = port !== 0 && port === sharedWith;
  // Servers that do not know of each other must not share a port.
  const ownPort = canSharePort && !isShared ? await freePort(host, port) : port;
  return listenOn(server, { host, port: ownPort, reusePort: canSharePort }, ADVICE);
}

/**
 * Returns the port, or a free one instead of 0.
 *
 * @throws PORT_IN_USE
 */
export async function freePort(host: string, port: number): Promise<number> {
  const probe = createServer();
  const found = await listenOn(probe, { host, port }, ADVICE);
  await new Promise((done) => probe.close(done));
  return found;
}
