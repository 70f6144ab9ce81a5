import type { Socket } from "node:net";
import { ReadBuffer } from "../call/read-buffer.ts";

const INCOMING = new ReadBuffer();

/** Stream handle of a socket, as far as it is used here; Node does not document it. */
interface Handle {
  useUserBuffer?(buffer: Buffer): void;
}

type Callback = (this: Socket, bytes: number, buffer: Buffer) => boolean;

/**
 * Makes a socket of a server read into a buffer that all of them share, as `onread` of `net.connect` does for clients: a read then allocates nothing. Node has no
 * documented way to do this for a server. Returns `false` where it does not work, and the socket is an ordinary stream.
 * @param read called with bytes that are valid until it returns; returns `false` to stop reading until the socket is resumed
 */
export function readIntoSharedBuffer(socket: Socket, read: (this: Socket, bytes: Buffer) => boolean): boolean {
  const { _handle: handle } = socket as { _handle?: Handle | null };
  const symbols = Object.getOwnPropertySymbols(socket);
  const buffer = symbols.find(({ description }) => description === "kBuffer");
  const callback = symbols.find(({ description }) => description === "kBufferCb");
  if (typeof handle?.useUserBuffer !== "function" || buffer === undefined || callback === undefined) return false;
  handle.useUserBuffer(INCOMING.buffer);
  const onRead: Callback = (bytes) => read.call(socket, INCOMING.first(bytes));
  Object.assign(socket, { [buffer]: INCOMING.buffer, [callback]: onRead });
  return true;
}
