import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after } from "node:test";

/** Request that a receiver got. */
export interface ReceivedRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server on this machine to which calls are passed on. */
export interface WebhookReceiver {
  readonly port: number;
  readonly received: readonly ReceivedRequest[];
}

/** Starts a receiver, which is stopped after the tests of the file. */
export async function startReceiver(
  respond: RequestListener = (_, response) => response.end("thanks"),
): Promise<WebhookReceiver> {
  const received: ReceivedRequest[] = [];
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    received.push({ method, url, headers, body: await text(request) });
    respond(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, port: (server.address() as AddressInfo).port };
}
