import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket, connect as tcp } from "node:net";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** True if all data sent on it is dropped. */
  lost: boolean;
}

/** A proxy to a server whose connections can be cut, refused, or made silent. */
export class TcpProxy implements AsyncDisposable {
  /** Port on 127.0.0.1 that the proxy listens on. */
  readonly localPort: number;
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;
  readonly #pairs = new Set<Pair>();
  #silent = false;

  /** @param server listens on 127.0.0.1 */
  protected constructor(server: Server, host: string, port: number) {
    this.#server = server;
    this.#host = host;
    this.#port = port;
    this.localPort = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => this.#pass(socket));
  }

  static async to(host: string, port: number): Promise<TcpProxy> {
    return new TcpProxy(await listening(), host, port);
  }

  /** Closes all connections, and refuses new ones. */
  async refuse(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#cut();
    await closed;
  }

  /** Keeps connections and accepts new ones, but drops all data, like a firewall that has lost their state. */
  silence(): void {
    this.#silent = true;
  }

  /** Drops all data of the existing connections; new connections work. */
  lose(): void {
    for (const pair of this.#pairs) pair.lost = true;
  }

  /** Lets new connections work again; silent connections stay silent. */
  async pass(): Promise<void> {
    this.#silent = false;
    if (this.#server.listening) return;
    this.#server.listen(this.localPort, "127.0.0.1");
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

export async function listening(): Promise<Server> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
