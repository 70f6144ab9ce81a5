import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type EndpointSpec, endpointSpec, type SettingsInput, withDefaults } from "@faas/core";
import { type ReplicaBehaviour, TestPlatform } from "@faas/testing";
import { EndpointRegistry, type EndpointsOptions, type ServedEndpoint } from "../endpoints/registry.ts";
import { createHttpServer, type HttpServerOptions } from "../http/server.ts";
import { createGateway, type GatewayDeps, type RequestReport } from "../pipeline/pipeline.ts";

/** A gateway on a free port before a test platform, for tests with real HTTP. */
export interface TestGateway extends AsyncDisposable {
  readonly port: number;
  readonly platform: TestPlatform;
  readonly endpoints: EndpointRegistry;
  /** What `record` reported. */
  readonly reports: RequestReport[];
  /** Registers acme/x, or another revision of it, which is served at once. */
  deploy(settings?: SettingsInput, revision?: string): Promise<ServedEndpoint>;
  /** The same, and resolves when it has a ready replica. */
  run(settings?: SettingsInput, revision?: string): Promise<ServedEndpoint>;
  call(path: string, options?: CallOptions): Promise<Answer>;
  /** A connection of one's own, for what a proper client would not send. */
  connect(): Socket;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The fields of a JSON answer. */
  readonly json: Record<string, unknown>;
}

export async function startTestGateway(
  behave: (spec: EndpointSpec) => ReplicaBehaviour,
  deps: Partial<GatewayDeps> = {},
  http: HttpServerOptions = {},
  listeners: Pick<EndpointsOptions, "onAwake" | "onRemoved"> = {},
): Promise<TestGateway> {
  const platform = new TestPlatform(behave);
  const endpoints = new EndpointRegistry({ platform, log: { warn() {} }, ...listeners });
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

/** The path goes out as it is: `fetch` would tidy it up. */
async function call(port: number, path: string, { method = "GET", headers = {}, body }: CallOptions): Promise<Answer> {
  const request = httpRequest({ port, host: "127.0.0.1", path, method, headers, agent: false });
  request.end(body);
  const [response] = await once(request, "response");
  // An answer may come before the whole body is sent.
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

/** Polls, for at most 5 s, until it is true. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited 5 s until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
