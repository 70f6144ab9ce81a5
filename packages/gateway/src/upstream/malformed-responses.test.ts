import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { rawReplica } from "../testing/raw-replica.ts";
import { startTestGateway } from "../testing/test-gateway.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const EVIL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

const NEXT = `${OK}Content-Length: 4\r\n\r\nnext`;

/** Responses of a replica that never reach the client: it gets a 502. The request is a POST, so that it is not repeated. */
const rejected: readonly (readonly [what: string, bytes: string])[] = [
  ["a length and a coding", `${OK}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["two lengths", `${OK}Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody`],
  ["a list of lengths", `${OK}Content-Length: 4, 4\r\n\r\nbody`],
  ["a length with a plus", `${OK}Content-Length: +4\r\n\r\nbody`],
  ["an empty length", `${OK}Content-Length:\r\n\r\nbody`],
  ["a space before the colon of the length", `${OK}Content-Length : 4\r\n\r\nbody`],
  ["another coding", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ["an empty coding", `${OK}Transfer-Encoding:\r\n\r\n0\r\n\r\n`],
  ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a folded header", `${OK}X-A: 1\r\n 2\r\nContent-Length: 4\r\n\r\nbody`],
  ["a bare line feed in a value", `${OK}X-A: 1\nX-B: 2\r\nContent-Length: 4\r\n\r\nbody`],
  ["a bare carriage return in a value", `${OK}X-A: 1\rSet-Cookie: a\r\nContent-Length: 4\r\n\r\nbody`],
  ["a NUL in a value", `${OK}X-A: \0\r\nContent-Length: 4\r\n\r\nbody`],
  ["a name that is not a token", `${OK}X A: 1\r\nContent-Length: 4\r\n\r\nbody`],
  ["no name", `${OK}: 1\r\nContent-Length: 4\r\n\r\nbody`],
  ["no colon", `${OK}XA\r\nContent-Length: 4\r\n\r\nbody`],
  ["HTTP/2", "HTTP/2 200 OK\r\nContent-Length: 4\r\n\r\nbody"],
  ["no HTTP", "hello\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 4\r\n\r\nbody"],
  ["an unexpected 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
  ["a header of 20 kB", `${OK}X-A: ${"a".repeat(20_000)}\r\nContent-Length: 4\r\n\r\nbody`],
];

/** Responses of which the client gets exactly one, with its status and body. Bytes after them reach no client. */
const forwarded: readonly (readonly [what: string, method: string, bytes: string, status: number, body: string])[] = [
  ["more than its length", "GET", `${OK}Content-Length: 4\r\n\r\nbody${EVIL}`, 200, "body"],
  ["more than its chunks", "GET", `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n${EVIL}`, 200, "body"],
  ["a body to HEAD", "HEAD", `${OK}Content-Length: 4\r\n\r\nbody${EVIL}`, 200, ""],
  ["a body with 204", "GET", `HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody${EVIL}`, 204, ""],
  ["a body with 304", "GET", `HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody${EVIL}`, 304, ""],
  ["chunks with 204", "GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 204, ""],
  ["the same length twice", "GET", `${OK}Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody`, 200, "body"],
  [
    "a length that Connection names",
    "GET",
    `${OK}Connection: Content-Length\r\nContent-Length: 4\r\n\r\nbody`,
    200,
    "body",
  ],
  ["close", "GET", `${OK}Connection: close\r\nContent-Length: 4\r\n\r\nbody`, 200, "body"],
  [
    "an offer of another protocol",
    "GET",
    `${OK}Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbody`,
    200,
    "body",
  ],
  [
    "interim responses before",
    "GET",
    `HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n${OK}Content-Length: 4\r\n\r\nbody`,
    200,
    "body",
  ],
  [
    "trailers",
    "GET",
    `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nContent-Length: 9\r\n\r\n`,
    200,
    "body",
  ],
];

describe("ambiguous responses of a replica", { concurrency: true }, () => {
  /** Sends two requests on one connection; resolves with everything received. */
  async function exchange(method: string, bytes: string): Promise<string> {
    await using gateway = await startTestGateway(() => () => {});
    await gateway.run();
    const replica = rawReplica(gateway, ({ first }) => (first.includes(" / ") ? bytes : NEXT));
    const socket = gateway.connect();
    let text = "";
    socket.on("data", (data) => {
      text += data.toString("latin1");
    });
    socket.setTimeout(30_000, () => socket.destroy(new Error("silent for 30 s")));
    const length = method === "POST" ? "Content-Length: 0\r\n" : "";
    socket.write(
      `${method} /acme/x HTTP/1.1\r\nHost: h\r\n${length}\r\nGET /acme/x/next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
    );
    await once(socket, "close");
    const sent = replica.requests.find(({ first }) => first.includes(" / "));
    assert.ok(sent);
    // A connection with an ambiguous response is not reused.
    const later = replica.requests.filter(
      ({ connection, number }) => connection === sent.connection && number > sent.number,
    );
    if (method === "POST" || bytes.includes(EVIL)) assert.deepEqual(later, []);
    return text;
  }

  const responses = (text: string) => text.split(/(?=HTTP\/1\.1 \d{3} )/);

  for (const [what, bytes] of rejected) {
    test(`responds 502 to: ${what}`, async () => {
      const [first = "", next = "", ...more] = responses(await exchange("POST", bytes));
      assert.match(first, /^HTTP\/1\.1 502 [\s\S]*"code":"REPLICA_FAILED"/);
      assert.match(next, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nnext$/);
      assert.deepEqual(more, []);
    });
  }

  for (const [what, method, bytes, status, body] of forwarded) {
    test(`forwards as one response: ${what}`, async () => {
      const [first = "", next = "", ...more] = responses(await exchange(method, bytes));
      const [head = "", rest = ""] = first.split("\r\n\r\n");
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.ok((head.match(/^(?:content-length|transfer-encoding):/gim) ?? []).length <= 1, head);
      if (status === 204) assert.doesNotMatch(head, /content-length|transfer-encoding/i);
      assert.doesNotMatch(head, /^upgrade|^connection: upgrade/im);
      const chunked = /^transfer-encoding: chunked/im.test(head);
      assert.equal(
        chunked
          ? first
              .split("\r\n\r\n")
              .slice(1)
              .join("")
              .replace(/^4\r\n|\r\n0$/g, "")
          : rest,
        body,
      );
      assert.match(next, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nnext$/);
      assert.deepEqual(more, []);
    });
  }

  test("opens no WebSocket when a header of the 101 contains a line break", async () => {
    const bytes =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-A: 1\nSet-Cookie: a\r\n\r\n";
    await using gateway = await startTestGateway(() => () => {});
    await gateway.run();
    rawReplica(gateway, () => bytes);
    const socket = gateway.connect();
    socket.write("GET /acme/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    const [data] = await once(socket, "data");
    assert.match(String(data), /^HTTP\/1\.1 502 /);
    socket.destroy();
  });
});
