import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Counter of how often each call was executed: the function reports the id of the call. */
export class Executions implements AsyncDisposable {
  readonly counts = new Map<string, number>();
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("request", (request, response) => {
      const id = decodeURIComponent((request.url as string).slice(1));
      this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
      response.end();
    });
  }

  /**
   * Lists the calls that were executed more than once.
   *
   * @param isOwn tells which calls to look at: those of an earlier load may be reported late
   */
  repeated(isOwn: (id: string) => boolean): string[] {
    return [...this.counts].flatMap(([id, count]) => (count > 1 && isOwn(id) ? [id] : []));
  }

  static async start(): Promise<Executions> {
    // A function that sends a report on a connection that is just being closed would fail its call.
    const server = createServer({ keepAliveTimeout: 0 });
    server.listen(0);
    await once(server, "listening");
    return new Executions(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/**
 * Source of a function that responds with the call's id and its own revision, after up to 20 ms. It reports each POST to the server at `COUNTER`
 * first.
 */
export const FUNCTION = `const pause = () => new Promise((done) => setTimeout(done, Math.random() * 20));
export const handler = async ({ method, headers }) => {
  const id = headers["x-call"] ?? "";
  if (method === "POST" && process.env.COUNTER) await fetch(process.env.COUNTER + "/" + id);
  await pause();
  return id + " " + (process.env.REVISION ?? "");
};
`;
