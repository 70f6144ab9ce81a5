import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { setImmediate as nextIteration } from "node:timers/promises";
import fc from "fast-check";
import type { HeaderField } from "../http/call/header-field.ts";
import type { ResponseHandler } from "./connection.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { parseResponseHead } from "./response-head.ts";

const line = fc.oneof(
  fc.constantFrom(
    "Content-Length: 3",
    "content-length: 3",
    "Content-Length: 4",
    "Content-Length: 3, 3",
    "Content-Length : 3",
    "Content-Length:3 ",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip",
    "Connection: close",
    "Connection: Content-Length",
    "Keep-Alive: timeout=1",
    " folded",
    "X: \n",
    "X: \r",
    "no colon",
    ": x",
    "X-A: b",
  ),
  fc.string({ maxLength: 12 }),
);
const status = fc.oneof(
  fc.constantFrom(
    "HTTP/1.1 200 OK",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 204",
    "HTTP/1.1 304 Not Modified",
    "HTTP/1.1 100 Continue",
    "HTTP/2 200 OK",
  ),
  fc.string({ maxLength: 20 }),
);

test("accepts only heads with one framing, which their headers declare", () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      status,
      fc.array(line, { maxLength: 5 }),
      fc.constantFrom("GET", "HEAD", "POST"),
      (first, lines, method) => {
        let head: ReturnType<typeof parseResponseHead>;
        try {
          head = parseResponseHead([first, ...lines].join("\r\n"), method, 4_000);
        } catch (error) {
          assert.ok(error instanceof Error && error.message.length < 300);
          return;
        }
        accepted++;
        const named = (name: string) => head.fields.filter(({ key }) => key === name).length;
        assert.ok(named("content-length") + named("transfer-encoding") <= 1 || named("content-length") === 0);
        if (head.framing.kind === "length") assert.equal(named("content-length"), 1);
        if (head.framing.kind === "chunked") assert.equal(named("transfer-encoding"), 1);
        const bodyless = method === "HEAD" || head.status < 200 || head.status === 204 || head.status === 304;
        assert.equal(head.framing.kind === "none", bodyless);
        if (head.status === 204) assert.equal(named("content-length"), 0);
        if (head.framing.kind === "until-close") assert.equal(head.keepMs, 0);
        assert.ok(head.keepMs >= 0 && head.keepMs <= 4_000);
      },
    ),
    { numRuns: 2_000 },
  );
  assert.ok(accepted > 100, `${accepted}`);
});

test("reads the same out of a head whatever the previous one was", () => {
  const text = fc
    .tuple(status, fc.array(line, { maxLength: 5 }))
    .map(([first, lines]) => [first, ...lines].join("\r\n"));
  const read = (...args: Parameters<typeof parseResponseHead>) => {
    try {
      const { headers, ...head } = parseResponseHead(...args);
      const facts = (fields: readonly HeaderField[]) => fields.map(({ name, value }) => `${name}: ${value}`);
      return { ...head, fields: facts(head.fields), passedOn: facts(headers.fields) };
    } catch (error) {
      return (error as Error).message;
    }
  };
  fc.assert(
    fc.property(text, text, fc.nat(), (one, other, at) => {
      let previous: ReturnType<typeof parseResponseHead>;
      try {
        previous = parseResponseHead(one, "GET", 4_000);
      } catch {
        return;
      }
      // The same, another one, and one with a line less or more.
      const lines = one.split("\r\n");
      const index = 1 + (at % lines.length);
      const [added = "X-New: 1"] = other.split("\r\n").slice(1);
      for (const next of [
        one,
        other,
        lines.toSpliced(index, 1).join("\r\n"),
        lines.toSpliced(index, 0, added).join("\r\n"),
      ])
        assert.deepEqual(read(next, "GET", 4_000, previous), read(next, "GET", 4_000));
    }),
    { numRuns: 2_000 },
  );
});

const responses = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: 1\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
];

test("reads the same response however it is cut", { timeout: 60_000 }, async () => {
  let pieces: readonly string[] = [];
  const server = createServer((socket) => {
    socket.setNoDelay(true).on("error", () => {});
    socket.on("data", async () => {
      for (const piece of pieces) {
        socket.write(piece, "latin1");
        await nextIteration();
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const connections = new ConnectionPool(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      let text = "";
      const handler: ResponseHandler = {
        sending: () => true,
        head: (head) => {
          text += `${head.status} `;
        },
        data: (bytes) => {
          text += bytes.toString("latin1");
          return true;
        },
        end: (last) => resolve(text + (last?.toString("latin1") ?? "")),
        upgraded: () => reject(new Error("upgraded")),
        failed: reject,
      };
      connections.send(
        { method: "GET", target: "/", headerLines: "Host: h\r\n", body: null, upgrade: undefined, timeoutMs: 5_000 },
        handler,
      );
    });
  try {
    for (const text of responses) {
      pieces = [...text];
      assert.equal(await ask(), "200 hello");
    }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...responses),
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        async (text, places) => {
          const at = [0, ...places.map((place) => place % text.length).sort((a, b) => a - b), text.length];
          pieces = at
            .slice(1)
            .map((end, i) => text.slice(at[i], end))
            .filter((piece) => piece !== "");
          assert.equal(await ask(), "200 hello");
        },
      ),
      { numRuns: 200 },
    );
  } finally {
    connections.close();
    server.close();
  }
});
