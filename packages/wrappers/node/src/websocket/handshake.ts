import type { IncomingMessage } from "node:http";
import { Problem } from "../problem.ts";

/** Constant of RFC 6455 section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** @throws INVALID_REQUEST */
export function checkHandshake({ headers }: IncomingMessage): void {
  if (headers["sec-websocket-version"] !== "13")
    throw new Problem("INVALID_REQUEST", "Expected Sec-WebSocket-Version to be 13");
  if (!/^[A-Za-z0-9+/]{22}==$/.test(headers["sec-websocket-key"] ?? ""))
    throw new Problem("INVALID_REQUEST", "Expected Sec-WebSocket-Key to be 16 bytes in Base64");
}

/** Returns the subprotocols that the client offers. */
export function offeredProtocols({ headers }: IncomingMessage): string[] {
  const offered = headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim()) ?? [];
  return offered.filter((name) => TOKEN.test(name));
}

/** Writes the response that accepts a WebSocket. */
export function acceptance({ headers }: IncomingMessage, requestId: string, protocol: string): string {
  const { createHash } = process.getBuiltinModule("node:crypto");
  const accept = createHash("sha1")
    .update(headers["sec-websocket-key"] + GUID)
    .digest("base64");
  const chosen = protocol === "" ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen}X-Request-Id: ${requestId}\r\n\r\n`;
}
