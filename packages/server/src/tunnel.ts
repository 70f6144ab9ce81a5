import type { Duplex } from "node:stream";
import type { Exchange } from "./exchange.ts";

/** Answers an upgrade with the replica's 101, and passes bytes both ways until one side ends. The place stays taken as long. */
export function openTunnel(exchange: Exchange, headers: readonly string[], upstream: Duplex): void {
  const { upgrade, response } = exchange;
  if (!upgrade || exchange.finished) return void upstream.destroy();
  const { socket, head, protocol } = upgrade;
  response.detachSocket(socket as Parameters<typeof response.detachSocket>[0]);
  exchange.call = undefined;
  let lines = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  for (let i = 0; i < headers.length; i += 2) lines += `${headers[i]}: ${headers[i + 1]}\r\n`;
  socket.write(`${lines}\r\n`, "latin1");
  if (head.length > 0) upstream.write(head);
  socket.pipe(upstream).pipe(socket);
  upstream.on("error", () => upstream.destroy());
  upstream.once("close", () => {
    endSoon(socket);
    exchange.handedOver();
  });
  socket.once("close", () => {
    endSoon(upstream);
    exchange.handedOver();
  });
}

/** What was written still goes out. */
function endSoon(socket: Duplex): void {
  if (socket.destroyed) return;
  if (socket.writableFinished) socket.destroy();
  else socket.end(() => socket.destroy());
}
