import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type EndpointSpec, endpointSpec, type SettingsInput, withDefaults } from "@faas/core";
import { type ReplicaBehaviour, TestPlatform } from "@faas/testing";
import { EndpointRegistry, type EndpointRegistryOptions } from "../endpoints/registry.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../http/server.ts";
import { createGateway, type GatewayDeps, type RequestReport } from "../pipeline/pipeline.ts";

/** A gateway on a free port with a test platform, for tests with real HTTP. */
export interface TestGateway extends AsyncDisposable {
  readonly port: number;
  readonly server: HttpServer;
  readonly platform: TestPlatform;
  readonly endpoints: EndpointRegistry<EndpointSpec>;
  /** Reports of finished requests. */
  readonly reports: RequestReport[];
  /** Registers acme/x, or another revision of it, which is served immediately. */
  deploy(settings?: SettingsInput, revision?: string): Promise<ServedEndpoint>;
  /** Registers acme/x, and resolves when its replicas are ready. */
  run(settings?: SettingsInput, revision?: string): Promise<ServedEndpoint>;
  call(path: string, options?: CallOptions): Promise<CallResult>;
  /** Opens a connection, for bytes that an HTTP client would not send. */
  connect(): Socket;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export interface CallResult {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Fields of a JSON response. */
  readonly json: Record<string, unknown>;
}

export async function startTestGateway(
  behave: (spec: EndpointSpec) => ReplicaBehaviour,
  deps: Partial<GatewayDeps> = {},
  http: HttpServerOptions = {},
  registry: Partial<EndpointRegistryOptions<EndpointSpec>> = {},
): Promise<TestGateway> {
  const platform = new TestPlatform(behave);
  const endpoints = new EndpointRegistry<EndpointSpec>({ platform, log: { warn() {} }, ...registry });
  const reports: RequestReport[] = [];
  const gateway = createGateway({ endpoints, onRequest: (report) => reports.push(report), ...deps });
  const server = createHttpServer((_, response) => response.end("control"), gateway, http);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stopping = new AbortController();
  const watching = observe(platform, endpoints, stopping.signal);

  const deploy = async (settings: SettingsInput = {}, revision = "one") => {
    const spec = endpointSpec(
      { org: "acme", endpoint: "x" },
      {
        id: revision,
        createdAt: "",
        artifact: { kind: "bundle", digest: `sha256:${"0".repeat(64)}` },
        settings: withDefaults(settings),
      },
    );
    const endpoint = endpoints.put(spec);
    await platform.apply(spec);
    return endpoint;
  };
  return {
    port,
    server,
    platform,
    endpoints,
    reports,
    deploy,
    async run(settings, revision) {
      const endpoint = await deploy(settings, revision);
      endpoints.wake(endpoint);
      while (endpoint.replicas.length < Math.max(1, endpoint.spec.replicas)) await endpoints.changed(endpoint.spec);
      return endpoint;
    },
    call: (path, options = {}) => call(port, path, options),
    connect: () => connect(port, "127.0.0.1"),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await watching;
      for (const endpoint of endpoints.values()) endpoints.delete(endpoint.spec);
      server.close();
      server.closeAllConnections();
      await platform[Symbol.asyncDispose]();
    },
  };
}

/** Sends a request with the path unchanged: `fetch` would normalize it. */
async function call(
  port: number,
  path: string,
  { method = "GET", headers = {}, body }: CallOptions,
): Promise<CallResult> {
  const request = httpRequest({ port, host: "127.0.0.1", path, method, headers, agent: false });
  request.end(body);
  const [response] = await once(request, "response");
  // A response may arrive before the whole body has been sent.
  request.on("error", () => {});
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return {
    status: response.statusCode,
    headers: response.headers,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}

async function observe(platform: TestPlatform, endpoints: EndpointRegistry, signal: AbortSignal): Promise<void> {
  for await (const statuses of platform.watch(signal)) endpoints.observe(statuses);
}
