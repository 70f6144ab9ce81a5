/** A Unix socket, or a host and a port: options of `net.connect`. */
export type SocketAddress = { readonly path: string } | { readonly host: string; readonly port: number };

const UNIX = "unix:";

/** Parses `unix:` and a path, or `host:port`. */
export function parseSocketAddress(address: string): SocketAddress {
  if (address.startsWith(UNIX)) return { path: address.slice(UNIX.length) };
  // An IPv6 address is in brackets.
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
