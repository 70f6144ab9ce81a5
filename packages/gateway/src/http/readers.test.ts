import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setImmediate as nextIteration } from "node:timers/promises";
import { type Random, seeded } from "@faas/testing";
import { malformedRequest } from "../../../../test/faults/malformed-grammar.ts";
import { type RawReplica, type RawRequest, rawReplica } from "../testing/raw-replica.ts";
import { startTestGateway, type TestGateway } from "../testing/test-gateway.ts";

/** Requests from the grammar of malformed ones that both readers get. */
const MALFORMED = 400;
/** Time after which a connection is closed on which nothing comes. */
const SILENCE_MS = 2_000;
/** Shorter time, for bytes that may never get a response. */
const SHORT_SILENCE_MS = 100;

/** Last request of a connection. */
const NEXT = "GET /acme/x/next HTTP/1.1\r\nHost: h\r\nX-Request-Id: next\r\nConnection: close\r\n\r\n";

/** A gateway and its replica, with one of the readers. */
interface Side {
  readonly gateway: TestGateway;
  readonly replica: RawReplica;
}

/** Responses of the replica, by the last part of the path. */
const RESPONSES: Readonly<Record<string, string>> = {
  ok: "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nok",
  empty: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  "no-content": "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
  "not-modified": 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 7\r\n\r\n',
  chunks: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
  dated: "HTTP/1.1 404 Not Found\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 1\r\n\r\nx",
  odd: "HTTP/1.1 299 Whatever\r\nX-Caf: \xe9\r\nContent-Length: 1\r\n\r\n\xff",
  interim: "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  redirect: "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
  hops: "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nContent-Length: 0\r\n\r\n",
};

/** Responses that are not passed on. */
const REFUSED: Readonly<Record<string, string>> = {
  "control-character": "HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n",
  "invalid-name": "HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 0\r\n\r\n",
  "chunks-in-1.0": "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
};

function respond({ first }: RawRequest): string {
  const [method = "", target = ""] = first.split(" ");
  const name = target.split("?")[0]?.split("/").at(-1) ?? "";
  const response = RESPONSES[name] ?? REFUSED[name] ?? (RESPONSES.ok as string);
  return method === "HEAD" ? response.replace(/(\r\n\r\n)(?!HTTP).*$/s, "$1") : response;
}

describe("both readers", { concurrency: false }, () => {
  let sides: readonly Side[];
  before(async () => {
    sides = await Promise.all(
      (["fast", "node"] as const).map(async (reader) => {
        const gateway = await startTestGateway(() => () => {}, {}, { reader });
        await gateway.run();
        return { gateway, replica: rawReplica(gateway, respond) };
      }),
    );
  });
  after(async () => {
    for (const { gateway } of sides) await gateway[Symbol.asyncDispose]();
  });

  /** Sends pieces of bytes to a gateway. Returns what the client and the replica received until the connection closed, or nothing more came. */
  async function exchange({ gateway, replica }: Side, pieces: readonly string[], silenceMs = SILENCE_MS, ends = false) {
    replica.requests.length = replica.errors.length = 0;
    const socket = gateway.connect();
    let received = "";
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const timer = setTimeout(() => socket.destroy(), silenceMs);
    socket.on("data", (data) => {
      received += data.toString("latin1");
      timer.refresh();
    });
    socket.on("error", () => {});
    for (const piece of pieces) {
      socket.write(piece, "latin1");
      await nextIteration();
    }
    if (ends) socket.end();
    await closed;
    clearTimeout(timer);
    assert.deepEqual(replica.errors, []);
    return { received, requests: replica.requests.map(({ first, lines, body }) => ({ first, lines, body })) };
  }

  test("respond the same to a client that ends its side within a head or a body", async () => {
    for (const [bytes, status] of [
      ["GET /acme/x HTTP/1.1\r\nHost: h\r\n", 400],
      ["POST /acme/x HTTP/1.1\r\nHost: h\r\nX-Request-Id: id\r\nContent-Length: 10\r\n\r\nabc", 400],
      ["POST /acme/x HTTP/1.1\r\nHost: h\r\nX-Request-Id: id\r\nContent-Length: 100000\r\n\r\nabc", 400],
    ] as const) {
      const [fast, node] = await Promise.all(sides.map((side) => exchange(side, [bytes], SILENCE_MS, true)));
      assert.match(fast?.received ?? "", new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.deepEqual(statuses(fast?.received), statuses(node?.received));
      assert.deepEqual([fast?.requests, node?.requests], [[], []]);
    }
  });

  const both = (pieces: readonly string[], silenceMs?: number) =>
    Promise.all(sides.map((side) => exchange(side, pieces, silenceMs)));

  const cases: readonly (readonly [what: string, ...lines: string[]])[] = [
    ["a request of curl", "GET /acme/x/ok?a=b HTTP/1.1", "Host: h:80", "User-Agent: curl/8.5.0", "Accept: */*"],
    ["a request of wrk", "GET /acme/x HTTP/1.1", "Host: h"],
    ["header names and duplicates as they are", "GET /acme/x HTTP/1.1", "hoST: h", "x-A: 1", "X-a: 2", "COOKIE: a"],
    [
      "headers of one connection",
      "GET /acme/x HTTP/1.1",
      "Host: h",
      "Keep-Alive: a",
      "TE: trailers",
      "Connection: close",
    ],
    ["a proxy's headers", "GET /acme/x HTTP/1.1", "Host: h", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"],
    ["all of a proxy's headers", "GET /acme/x HTTP/1.1", "Host: h", "Forwarded: for=a", "X-Forwarded-Host: public"],
    ["a prefix of a proxy", "GET /acme/x HTTP/1.1", "Host: h", "X-Forwarded-Prefix: /a"],
    ["credentials of the function", "GET /acme/x HTTP/1.1", "Host: h", "Authorization: Basic YTpi"],
    ["keys", "GET /acme/x HTTP/1.1", "Host: h", "Authorization: Bearer faas_a", "X-Faas-Token: faas_b"],
    ["an endpoint's own host", "GET //a/../b HTTP/1.1", "Host: x.acme.localhost"],
    ["an endpoint's own host, a good path", "GET //a/b HTTP/1.1", "Host: x.acme.localhost:80"],
    ["an endpoint's own host, a control path", "GET /-/readyz HTTP/1.1", "Host: x.acme.localhost"],
    ["a control path", "GET /-/readyz HTTP/1.1", "Host: h"],
    ["a missing endpoint", "GET /acme/none HTTP/1.1", "Host: h"],
    ["a path that is too short", "GET / HTTP/1.1", "Host: h"],
    ["an unsafe path", "GET /acme/x/%2e%2e HTTP/1.1", "Host: h"],
    ["OPTIONS", "OPTIONS /acme/x HTTP/1.1", "Host: h"],
    ["DELETE", "DELETE /acme/x HTTP/1.1", "Host: h"],
    ["POST without a length", "POST /acme/x HTTP/1.1", "Host: h"],
    ["an empty value", "GET /acme/x HTTP/1.1", "Host: h", "X-A:"],
    ["spaces around a value", "GET /acme/x HTTP/1.1", "Host: h", "X-A:   1  "],
    ["underscores", "GET /acme/x HTTP/1.1", "Host: h", "X_Forwarded_For: evil", "a_b: c"],
    ["a nominated header", "GET /acme/x HTTP/1.1", "Host: h", "Connection: X-A", "X-A: 1"],
    ["an absolute target", "GET http://h/acme/x HTTP/1.1", "Host: h"],
    ["HTTP/1.0", "GET /acme/x HTTP/1.0", "Host: h"],
    ...Object.keys(RESPONSES).flatMap((name) =>
      ["GET", "HEAD", "POST"].map(
        (method) => [`${method} ${name}`, `${method} /acme/x/${name} HTTP/1.1`, "Host: h"] as const,
      ),
    ),
  ];

  for (const [what, first, ...lines] of cases) {
    test(`forward and respond the same: ${what}`, async () => {
      const head = [first, "X-Request-Id: id", ...lines].map((line) => `${line}\r\n`).join("");
      const [fast, node] = await both([`${head}\r\n${NEXT}`]);
      assert.deepEqual(sorted(fast?.requests), sorted(node?.requests));
      assert.deepEqual(comparable(fast?.received), comparable(node?.received));
      assert.match(fast?.received ?? "", /^HTTP\/1\.1 \d/);
    });
  }

  for (const name of Object.keys(REFUSED)) {
    test(`respond the same to a response that is not passed on: ${name}`, async () => {
      const [fast, node] = await both([`POST /acme/x/${name} HTTP/1.1\r\nHost: h\r\nX-Request-Id: id\r\n\r\n${NEXT}`]);
      assert.deepEqual(comparable(fast?.received), comparable(node?.received));
      assert.match(fast?.received ?? "", /^HTTP\/1\.1 502 /);
    });
  }

  test("forward the same bodies, however they are divided", async () => {
    const random = seeded(15);
    for (const bytes of [0, 1, 100, 16 * 1024, 16 * 1024 + 1, 200_000]) {
      const text = `POST /acme/x HTTP/1.1\r\nHost: h\r\nX-Request-Id: id\r\nContent-Length: ${bytes}\r\n\r\n${"ab\r\n".repeat(bytes / 4 + 1).slice(0, bytes)}`;
      const pieces = divided(random, text + text + NEXT);
      const [fast, node] = await both(pieces);
      assert.equal(fast?.requests.length, 3);
      assert.deepEqual(sorted(fast?.requests), sorted(node?.requests));
      assert.deepEqual(comparable(fast?.received), comparable(node?.received));
    }
  });

  const seed = Number(process.env.FAAS_SEED ?? Date.now() % 1e6);
  test(`read the same requests out of malformed bytes (FAAS_SEED=${seed})`, async () => {
    const random = seeded(seed);
    for (let i = 0; i < MALFORMED; i++) {
      const bytes = malformedRequest(random, ["/acme/x", "/acme/x/chunks?b=c", "/acme/none", "/-/a"]);
      const pieces = random() < 0.5 ? [bytes + NEXT] : divided(random, bytes + NEXT);
      const [fast, node] = await both(pieces, SHORT_SILENCE_MS);
      // How far a connection gets before it is closed depends on how TCP divides the bytes, so one side may get less. It gets nothing else.
      const [fewer = [], more = []] = byLength(sorted(fast?.requests), sorted(node?.requests));
      for (const request of fewer) assert.ok(more.includes(request), `${request} in ${JSON.stringify(bytes)}`);
      const [shorter = [], longer = []] = byLength(statuses(fast?.received), statuses(node?.received));
      assert.deepEqual(longer.slice(0, shorter.length), shorter, JSON.stringify(bytes));
    }
  });
});

/** Removes from a response what differs between two of them. */
const comparable = (response = "") =>
  response
    .replaceAll(/^Date: (?!Thu, 01 Jan 1970).*$/gm, "Date: now")
    .replaceAll(/exec;dur=[\d.]+/g, "exec;dur=0")
    .replaceAll(/replica;desc=[\w-]+/g, "replica;desc=r");

const sorted = (requests: readonly Pick<RawRequest, "first" | "lines" | "body">[] = []) =>
  requests
    .map(({ first, lines, body }) =>
      [first, ...lines.filter((line) => !/^X-Request-Id: [\da-f-]{36}$/.test(line)), body].join("\n"),
    )
    // Pipelined requests arrive at the replica in any order.
    .sort();

/** Lists the statuses of final responses: whether `100 Continue` precedes the rejection of a malformed body depends on how TCP divides the bytes. */
const statuses = (response = "") =>
  Array.from(response.matchAll(/HTTP\/1\.1 (?!100)(\d{3}) /g), ([, status]) => status);

const byLength = <T>(...lists: (readonly T[])[]) => lists.toSorted((one, other) => one.length - other.length);

/** Divides a text at random places. */
function divided(random: Random, text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const length = 1 + Math.floor(random() ** 3 * text.length);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}
