import { validateHeaderName, validateHeaderValue } from "node:http";
import type { Duplex } from "node:stream";
import type { Exchange } from "./exchange.ts";

/**
 * Answers an upgrade with the replica's 101, and passes bytes both ways until one side ends, or the key that it was asked with is no longer good. The
 * place stays taken as long. Throws where the replica's header cannot be passed on.
 */
export function openTunnel(exchange: Exchange, headers: readonly string[], upstream: Duplex): void {
  const { upgrade, response } = exchange;
  if (!upgrade || exchange.finished) return void upstream.destroy();
  const { socket, head, protocol } = upgrade;
  let lines: string;
  try {
    lines = linesOf(headers);
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
    endSoon(socket);
    exchange.upgradeEnded();
  });
  socket.once("close", () => {
    endSoon(upstream);
    exchange.upgradeEnded();
  });
}

/** Nobody else looks at this header: one with a line break in it would be two. */
function linesOf(headers: readonly string[]): string {
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

/** What was written still goes out. */
function endSoon(socket: Duplex): void {
  if (socket.destroyed) return;
  if (socket.writableFinished) socket.destroy();
  else socket.end(() => socket.destroy());
}
