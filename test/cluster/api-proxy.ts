import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket, connect as tcp } from "node:net";
import { join } from "node:path";
import { KubernetesCredentials } from "@faas/platforms/kubernetes-credentials";
import { writeKubeconfig } from "./cluster.ts";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** What is sent on it goes nowhere. */
  lost: boolean;
}

/** What stands between a test and the API server: its connections can be cut, refused, or left without a word. */
export class ApiProxy implements AsyncDisposable {
  /** A kubeconfig that goes through it. */
  readonly kubeconfig: string;
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;
  readonly #pairs = new Set<Pair>();
  readonly #own: number;
  #silent = false;

  private constructor(server: Server, host: string, port: number, kubeconfig: string) {
    this.#server = server;
    this.#host = host;
    this.#port = port;
    this.kubeconfig = kubeconfig;
    this.#own = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => this.#pass(socket));
  }

  /** To the cluster that `KUBECONFIG` names. */
  static async start(folder: string): Promise<ApiProxy> {
    const credentials = KubernetesCredentials.load();
    const { hostname, port } = new URL(credentials.server);
    await credentials.close();
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const kubeconfig = join(folder, "kubeconfig-of-the-proxy");
    await writeKubeconfig(kubeconfig, { server: `https://127.0.0.1:${(server.address() as AddressInfo).port}` });
    return new ApiProxy(server, hostname, Number(port || 443), kubeconfig);
  }

  /** Ends every connection, and takes none. */
  async refuse(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#cut();
    await closed;
  }

  /** Keeps connections, takes new ones, and loses all that is sent on them: as a firewall that forgot them. */
  silence(): void {
    this.#silent = true;
  }

  /** Every connection that there is goes silent, and new ones pass. */
  lose(): void {
    for (const pair of this.#pairs) pair.lost = true;
  }

  /** As if nothing had been; a connection that was silent stays so. */
  async pass(): Promise<void> {
    this.#silent = false;
    if (this.#server.listening) return;
    this.#server.listen(this.#own, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.refuse();
  }

  #pass(near: Socket): void {
    const far = tcp(this.#port, this.#host);
    const pair: Pair = { near, far, lost: this.#silent };
    this.#pairs.add(pair);
    const relay = (from: Socket, to: Socket) => {
      from.on("data", (chunk) => {
        pair.lost ||= this.#silent;
        if (!pair.lost) to.write(chunk);
      });
      from.on("error", () => {});
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
    };
    relay(near, far);
    relay(far, near);
  }

  #cut(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }
}
