import { once } from "node:events";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import {
  createGateway,
  createHttpServer,
  HttpLinkTransport,
  parseControlAddress,
  ViewClient,
  type ViewClientOptions,
} from "@faas/gateway";
import type { RunningServer } from "../options.ts";

/** A gateway with a view of its own, in this process, on a free port. */
export interface LinkedGateway extends AsyncDisposable {
  readonly url: string;
  readonly view: ViewClient;
}

/** Starts a gateway that is linked to a control server, once its view is complete. */
export async function startLinkedGateway(
  { gateways }: Pick<RunningServer, "gateways">,
  name: string,
  options: Partial<ViewClientOptions> = {},
): Promise<LinkedGateway> {
  if (gateways === undefined) throw new Error("the control server serves calls itself");
  const view = new ViewClient({
    identity: { name, version: "0.0.0", pid: process.pid, peerAddress: `test:${name}` },
    transport: new HttpLinkTransport({ address: parseControlAddress(gateways.control) }),
    log: { info() {}, warn() {} },
    ...options,
  });
  view.start();
  await view.ready(AbortSignal.timeout(10_000));
  const ending = new AbortController();
  const gateway = createGateway({
    endpoints: view.registry,
    metrics: view.metrics,
    accessLog: view.accessLog,
    hasOrg: (org) => view.hasOrg(org),
    notReady: () => view.notReady(),
    ending: ending.signal,
    ...(view.state.control?.requiresKeys ? { keys: view.keys } : {}),
  });
  const server = createHttpServer((_, response) => response.writeHead(404).end(), gateway);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    view,
    async [Symbol.asyncDispose]() {
      ending.abort();
      server.close();
      server.closeAllConnections();
      await view[Symbol.asyncDispose]();
    },
  };
}

/** Sends a request of the control API over the listener for gateways, and parses the JSON response. */
export async function sendControl(
  { gateways, adminToken }: { readonly gateways?: { readonly control: string }; readonly adminToken?: string },
  method: string,
  path: string,
  body?: unknown,
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
): Promise<any> {
  const socketPath = gateways?.control.replace(/^unix:/, "") ?? "";
  const isBinary = body instanceof Uint8Array;
  const call = request({
    ...{ socketPath, method, path },
    agent: false,
    headers: {
      Host: "localhost",
      ...(adminToken ? { Authorization: `Bearer ${adminToken}` } : {}),
      ...(body === undefined || isBinary ? {} : { "Content-Type": "application/json" }),
    },
  });
  call.end(body === undefined || isBinary ? body : JSON.stringify(body));
  const [response] = await once(call, "response");
  const received = await text(response);
  if (response.statusCode >= 400) throw new Error(`${method} ${path}: ${response.statusCode} ${received}`);
  return received === ""
    ? undefined
    : /\/json/.test(response.headers["content-type"] ?? "")
      ? JSON.parse(received)
      : received;
}
