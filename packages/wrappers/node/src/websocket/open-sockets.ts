import type { Socket } from "node:net";
import { CLOSE, closeFrame } from "./frames.ts";

/** Time for the clients to close their side, after which the connections are cut. */
const CLOSE_MS = 500;

/** Upgraded connections of applications and of functions, with the bytes that had been sent on each before. */
const open = new Map<Socket, number>();

/** Registers an upgraded connection until it is closed. */
export function addOpenSocket(socket: Socket): void {
  open.set(socket, socket.bytesWritten);
  socket.once("close", () => open.delete(socket));
}

/** Tests whether the upgrade of a registered connection has been answered. */
export function isAnswered(socket: Socket): boolean {
  return socket.bytesWritten !== open.get(socket);
}

/** Sends a close frame on all open WebSockets. Applications write whole frames, so that it does not get into one of theirs. */
export function closeOpenSockets(code: number): void {
  for (const socket of open.keys()) if (socket.writable && isAnswered(socket)) socket.end(closeFrame(code));
}

/** Closes all WebSockets because the process is about to be replaced. Resolves when they are closed. */
export async function endOpenSockets(): Promise<void> {
  if (open.size === 0) return;
  const sockets = [...open.keys()];
  const closed = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  closeOpenSockets(CLOSE.RESTART);
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, CLOSE_MS);
  await closed;
  clearTimeout(timer);
  // The code's own listeners get the event first.
  await new Promise((resolve) => setImmediate(resolve));
}
