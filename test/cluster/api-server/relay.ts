import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { KubernetesCredentials } from "@faas/platforms/kubernetes-client";
import { type Dispatcher, request } from "undici";
import { writeKubeconfig } from "../cluster.ts";

/** A reverse proxy to the API server. Can make watches resume from a version that the API server has dropped, and can reject requests itself. */
export class ApiRelay implements AsyncDisposable {
  /** Path of a kubeconfig for the relay. */
  readonly kubeconfig: string;
  readonly #server: Server;
  readonly #credentials: KubernetesCredentials;
  readonly #ending = new Set<AbortController>();
  #isDown = false;
  /** Plural names of kinds whose next watch resumes from the very first version. */
  #aged = new Set<string>();
  /** Statuses of requests that the relay rejects, by the beginning of the path. */
  readonly rejected = new Map<string, number>();
  /** The API server's statuses for those watches. */
  readonly gone: number[] = [];

  private constructor(server: Server, credentials: KubernetesCredentials, kubeconfig: string) {
    this.#server = server;
    this.#credentials = credentials;
    this.kubeconfig = kubeconfig;
    server.on("request", (incoming, response) => void this.#relay(incoming, response));
  }

  static async start(folder: string): Promise<ApiRelay> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const kubeconfig = join(folder, "kubeconfig-of-the-relay");
    await writeKubeconfig(kubeconfig, { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    return new ApiRelay(server, KubernetesCredentials.load(), kubeconfig);
  }

  /** Ends requests in progress, and closes new connections. */
  stop(): void {
    this.#isDown = true;
    for (const controller of this.#ending) controller.abort();
  }

  /** Accepts requests again, and makes the next watch of each of these kinds too old. */
  resume(...aged: readonly string[]): void {
    this.#aged = new Set(aged);
    this.#isDown = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#credentials.close();
  }

  async #relay(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isDown) return void response.destroy();
    const ending = new AbortController();
    this.#ending.add(ending);
    response.once("close", () => ending.abort());
    const url = new URL(incoming.url as string, this.#credentials.server);
    for (const [path, status] of this.rejected)
      if (url.pathname.startsWith(path)) return void response.writeHead(status).end("not here");
    const kind = url.pathname.split("/").at(-1) as string;
    const isAged = url.searchParams.has("watch") && this.#aged.delete(kind);
    if (isAged) url.searchParams.set("resourceVersion", "1");
    try {
      const { headers, dispatcher } = await this.#credentials.requestAuth();
      const { host: _, connection: __, "transfer-encoding": ___, "content-length": ____, ...sent } = incoming.headers;
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk);
      const answer = await request(url, {
        method: incoming.method as Dispatcher.HttpMethod,
        headers: { ...sent, ...headers } as Record<string, string>,
        body: chunks.length === 0 ? null : Buffer.concat(chunks),
        dispatcher,
        signal: ending.signal,
        bodyTimeout: 0,
      });
      response.writeHead(answer.statusCode, { "content-type": answer.headers["content-type"] as string });
      response.flushHeaders();
      if (isAged)
        answer.body.once("data", (chunk) => this.gone.push(JSON.parse(chunk).object?.code ?? answer.statusCode));
      await pipeline(answer.body, response);
    } catch {
      response.destroy();
    } finally {
      this.#ending.delete(ending);
    }
  }
}
