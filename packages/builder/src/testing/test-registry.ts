import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** For tests: a registry that answers as it is told to, and passes everything else on to a real one. */

export interface StandInOptions {
  /** `host:port` of the real one. Without it, what is not answered is 404. */
  readonly behind?: string;
  /** Answers, and says so; else the request is passed on. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Before each answer of the real one. */
  readonly delayMs?: number;
  readonly host?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface StandIn {
  /** `host:port`. */
  readonly address: string;
  /** `GET /v2/…` of each, in order. */
  readonly requests: string[];
  /** Of all bodies that were sent. */
  receivedBytes(): number;
}

/** Closed after the test. */
export async function registryStandIn(
  t: Pick<TestContext, "after">,
  { behind, answer, delayMs = 0, host = "127.0.0.1", tls }: StandInOptions,
): Promise<StandIn> {
  const requests: string[] = [];
  let received = 0;
  const handle = (incoming: IncomingMessage, response: ServerResponse) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    incoming.on("data", (piece) => {
      received += piece.length;
    });
    if (answer?.(incoming, response)) return;
    if (behind === undefined) {
      response.writeHead(404).end();
      return;
    }
    // The caller's own Host and scheme: the registry makes its addresses from them.
    const { method, url } = incoming;
    const headers = { ...incoming.headers, "x-forwarded-proto": tls ? "https" : "http" };
    const [hostname, port] = behind.split(":");
    const passed = request({ hostname, port, method, path: url, headers }, (answered) => {
      setTimeout(() => {
        response.writeHead(answered.statusCode ?? 502, answered.rawHeaders);
        answered.pipe(response);
      }, delayMs);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    incoming.pipe(passed);
  };
  const server = tls ? createTlsServer(tls, handle) : createServer(handle);
  server.listen(0, host);
  await once(server, "listening");
  t.after(async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return { address: `${host}:${port}`, requests, receivedBytes: () => received };
}

/** Answers 401 until the request carries this login. */
export function wantsLogin(username: string, password: string): NonNullable<StandInOptions["answer"]> {
  const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  return (incoming, response) => {
    if (incoming.headers.authorization === wanted) return false;
    refuse(response, 401, "UNAUTHORIZED", "authentication required", { "WWW-Authenticate": 'Basic realm="stand-in"' });
    return true;
  };
}

/** An error in a registry's form (OCI distribution specification, "Error codes"). */
export function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}
