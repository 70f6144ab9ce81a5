import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** For tests: a registry that answers some requests itself and forwards the others to a real registry. */

export interface FakeRegistryOptions {
  /** `host:port` of the real registry. Absent: other requests get a 404. */
  readonly behind?: string;
  /** Answers a request and returns true, or returns false to have it forwarded. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Delay of each response of the real registry. */
  readonly delayMs?: number;
  readonly host?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface FakeRegistry {
  /** `host:port`. */
  readonly address: string;
  /** Method and path of each request, in order. */
  readonly requests: string[];
  /** Returns the number of bytes in all request bodies. */
  receivedBytes(): number;
}

/** Starts a registry that is closed after the test. */
export async function startFakeRegistry(
  t: Pick<TestContext, "after">,
  { behind, answer, delayMs = 0, host = "127.0.0.1", tls }: FakeRegistryOptions,
): Promise<FakeRegistry> {
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
    // Keeps the caller's Host and scheme: the registry builds its URLs from them.
    const { method, url } = incoming;
    const headers = { ...incoming.headers, "x-forwarded-proto": tls ? "https" : "http" };
    const [hostname, port] = behind.split(":");
    const forwarded = request({ hostname, port, method, path: url, headers }, (upstream) => {
      setTimeout(() => {
        response.writeHead(upstream.statusCode ?? 502, upstream.rawHeaders);
        upstream.pipe(response);
      }, delayMs);
    });
    forwarded.on("error", () => response.destroy());
    response.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
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

/** Answers 401 to requests without this login. */
export function requireLogin(username: string, password: string): NonNullable<FakeRegistryOptions["answer"]> {
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const challenge = { "WWW-Authenticate": 'Basic realm="fake"' };
  return (incoming, response) => {
    if (incoming.headers.authorization === expected) return false;
    respondWithError(response, 401, "UNAUTHORIZED", "authentication required", challenge);
    return true;
  };
}

/** Answers with an error in a registry's format (OCI distribution specification, "Error codes"). */
export function respondWithError(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}
