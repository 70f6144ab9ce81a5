import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { setImmediate as nextIteration } from "node:timers/promises";
import fc from "fast-check";
import type { KnownHeader } from "../call/client-call.ts";
import { endToEndLines } from "../call/end-to-end-headers.ts";
import { validateRequest } from "../request-validation.ts";
import { INCOMPLETE, parseRequestHead, type RequestHead } from "./request-head.ts";

const RUNS = 3_000;

/** A request as `node:http` read it. */
interface NodeRequest {
  readonly message: IncomingMessage;
  body: string;
}

/** Sends bytes to a server of `node:http`, in memory. Returns its requests and whether it refused any byte. */
async function readByNode(server: Server, text: string): Promise<{ requests: NodeRequest[]; refused: boolean }> {
  const requests: NodeRequest[] = [];
  let refused = false;
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const onRequest = (message: IncomingMessage) => {
    const request: NodeRequest = { message, body: "" };
    requests.push(request);
    message.setEncoding("latin1").on("data", (data) => {
      request.body += data;
    });
  };
  const onError = () => {
    refused = true;
  };
  server.on("request", onRequest).on("clientError", onError);
  server.emit("connection", socket);
  socket.push(Buffer.from(text, "latin1"));
  await nextIteration();
  await nextIteration();
  server.off("request", onRequest).off("clientError", onError);
  socket.destroy();
  return { requests, refused };
}

const NEXT = "GET /next HTTP/1.1\r\nHost: next\r\n\r\n";
const KNOWN: readonly KnownHeader[] = [
  "authorization",
  "forwarded",
  "host",
  "idempotency-key",
  "x-faas-token",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-request-id",
];

/** Checks that `node:http` reads the same request out of a head that the fast reader accepted. */
async function checkSame(server: Server, head: RequestHead, text: string): Promise<void> {
  const body = "x".repeat(Math.min(head.bodyLength, 2_000));
  const isWhole = body.length === head.bodyLength;
  const { requests, refused } = await readByNode(server, text.slice(0, head.length) + body + (isWhole ? NEXT : ""));
  const [request, next] = requests;
  // node:http refuses further bytes after the last request of a connection.
  assert.ok(request !== undefined && (!refused || !head.keepAlive), `node:http refused ${JSON.stringify(text)}`);
  const { message } = request;
  assert.equal(validateRequest(message), undefined);
  assert.deepEqual([message.method, message.url], [head.method, head.target]);
  assert.equal(endToEndLines(message.rawHeaders, message.headers.connection), head.fields.endToEndLines);
  for (const name of KNOWN) assert.equal(message.headers[name], head.fields.known[name], name);
  assert.equal(request.body, body);
  assert.equal(message.complete, isWhole);
  assert.equal(next?.message.url, isWhole && head.keepAlive ? "/next" : undefined);
}

const NAMES = [
  ...["Accept", "accept-encoding", "Content-Type", "Cookie", "X-A", "x-b", "User-Agent", "Keep-Alive", "TE"],
  ...["Authorization", "X-Faas-Token", "X-Request-Id", "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto"],
  ...["Forwarded", "Idempotency-Key", "X-Forwarded-Prefix", "Connection", "Content-Length", "Host", "Expect"],
  ...["Transfer-Encoding", "Upgrade", "X_A", "Trailer", "Proxy-Connection"],
];
const VALUES = [
  ...["a", "*/*", "keep-alive", "close", "chunked", "3", "0", "17", "03", "h", "h:80", "faas_abc", "Bearer faas_abc"],
  ...["text/html, application/json;q=0.9", "a=1; b=2", "100-continue", "websocket", "trailers", "", " ", "1 "],
];

const line = fc
  .tuple(
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...NAMES.slice(0, 9)) },
      { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
      { weight: 1, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 8 }) },
    ),
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...VALUES) },
      { weight: 1, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 20 }) },
    ),
  )
  .map(([name, value]) => `${name}: ${value}\r\n`);

const target = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("/", "/acme/x", "/acme/x?a=b", "/%41", "//a", "/a;b=c/@!$&'()*+,:~") },
  { weight: 1, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 12 }).map((rest) => `/${rest}`) },
);

const method = fc.constantFrom(
  "GET",
  "GET",
  "POST",
  "POST",
  "PUT",
  "DELETE",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "TRACE",
  "GE",
);

/** A change of one place: some characters are replaced by others. */
const mutation = fc.record({
  at: fc.nat({ max: 400 }),
  removed: fc.nat({ max: 3 }),
  inserted: fc.oneof(
    fc.constantFrom(
      "",
      "\r",
      "\n",
      "\r\n",
      " ",
      "\t",
      ":",
      "\0",
      "\x7f",
      "\xe9",
      "Host: h\r\n",
      "Content-Length: 1\r\n",
    ),
    fc.string({ unit: "binary-ascii", maxLength: 3 }),
  ),
});

/** Heads of requests, most of them usual, and some with mutations. */
const headText = fc
  .record({
    method,
    target,
    lines: fc.array(line, { maxLength: 6 }),
    length: fc.option(fc.nat({ max: 3_000 }), { freq: 2 }),
    mutations: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(mutation, { maxLength: 3 })),
  })
  .map(({ method, target, lines, length, mutations }) => {
    const sized = length === null ? "" : `Content-Length: ${length}\r\n`;
    let text = `${method} ${target} HTTP/1.1\r\nHost: h\r\n${sized}${lines.join("")}\r\n`;
    for (const { at, removed, inserted } of mutations) {
      const from = at % text.length;
      text = text.slice(0, from) + inserted + text.slice(from + removed);
    }
    return text;
  });

test("accepts no head that node:http refuses, and reads the same request out of it", async (t) => {
  const server = createServer({ maxHeaderSize: 16 * 1024, requireHostHeader: false, keepAliveTimeout: 0 });
  t.after(() => server.close());
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(headText, async (text) => {
      const head = parseRequestHead(text);
      if (typeof head === "string") return;
      accepted++;
      await checkSame(server, head, text);
    }),
    { numRuns: RUNS },
  );
  assert.ok(accepted > RUNS / 10, `only ${accepted} of ${RUNS} were accepted`);
});

test("reads the same request however its bytes are divided, and whatever follows", () => {
  fc.assert(
    fc.property(headText, fc.string({ unit: "binary-ascii" }), (text, more) => {
      const head = parseRequestHead(text);
      if (typeof head === "string") return;
      for (let length = 0; length < head.length; length++)
        assert.equal(parseRequestHead(text.slice(0, length)), INCOMPLETE);
      assert.deepEqual(parseRequestHead(text.slice(0, head.length) + more), head);
    }),
    { numRuns: RUNS },
  );
});

test("reads the same request whatever the previous one had", () => {
  fc.assert(
    fc.property(headText, headText, fc.nat(), (one, other, at) => {
      const first = parseRequestHead(one);
      if (typeof first === "string") return;
      const fieldsAt = one.indexOf("\r\n") + 2;
      // The next one has other fields, the same, or some of them.
      for (const next of [other, one, one.slice(0, at % one.length), other.split("\r\n", 1) + one.slice(fieldsAt - 2)])
        assert.deepEqual(parseRequestHead(next, first.fields), parseRequestHead(next));
    }),
    { numRuns: RUNS },
  );
});

test("is sure from the first byte on that is not usual: what follows changes nothing", () => {
  fc.assert(
    fc.property(headText, fc.nat(), (text, at) => {
      const early = parseRequestHead(text.slice(0, at % (text.length + 1)));
      if (early === "not usual") assert.equal(parseRequestHead(text), "not usual");
    }),
    { numRuns: RUNS },
  );
});
