import { validateHeaderName, validateHeaderValue } from "node:http";
import type { Duplex } from "node:stream";
import type { RoutedExchange } from "./exchange.ts";

/**
 * Answers an upgrade with the replica's 101, and passes bytes both ways until one side closes, or the key that authorized it becomes invalid. The slot stays
 * occupied until then. Throws if the replica's headers cannot be passed on.
 */
export function openTunnel(exchange: RoutedExchange, headers: readonly string[], upstream: Duplex): void {
  const { upgrade, response } = exchange;
  if (!upgrade || exchange.finished) return void upstream.destroy();
  const { socket, head, protocol } = upgrade;
  let lines: string;
  try {
    lines = headerLines(headers);
  } catch (error) {
    upstream.destroy();
    throw error;
  }
  response.detachSocket(socket as Parameters<typeof response.detachSocket>[0]);
  exchange.call = undefined;
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${lines}\r\n`,
    "latin1",
  );
  if (head.length > 0) upstream.write(head);
  socket.pipe(upstream).pipe(socket);
  upstream.on("error", () => upstream.destroy());
  const cut = () => {
    socket.destroy();
    upstream.destroy();
  };
  const { keySignal } = exchange;
  if (keySignal?.aborted) cut();
  keySignal?.addEventListener("abort", cut);
  upstream.once("close", () => {
    keySignal?.removeEventListener("abort", cut);
    endAndDestroy(socket);
    exchange.upgradeEnded();
  });
  socket.once("close", () => {
    endAndDestroy(upstream);
    exchange.upgradeEnded();
  });
}

/** Formats headers, and checks them, which nobody else does for these: a line break in one would make two of it. */
function headerLines(headers: readonly string[]): string {
  let lines = "";
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    validateHeaderName(name);
    validateHeaderValue(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Destroys a socket after it has sent what was written to it. */
function endAndDestroy(socket: Duplex): void {
  if (socket.destroyed) return;
  if (socket.writableFinished) socket.destroy();
  else socket.end(() => socket.destroy());
}
