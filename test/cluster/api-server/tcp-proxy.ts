import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket, connect as tcp } from "node:net";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** What is sent on it goes nowhere. */
  lost: boolean;
}

/** What stands between a test and a server: its connections can be cut, refused, or left without a word. */
export class TcpProxy implements AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
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
