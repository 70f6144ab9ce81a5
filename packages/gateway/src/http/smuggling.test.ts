import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { type RawReplica, rawReplica } from "../testing/raw-replica.ts";
import { startTestGateway, type TestGateway } from "../testing/test-gateway.ts";

/** Request after every case on the same connection: the response to it shows where the gateway saw the end of the case. */
const NEXT = "GET /acme/x/next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

const post = (...lines: string[]) => `POST /acme/x HTTP/1.1\r\nHost: h\r\n${lines.join("\r\n")}`;
const get = (...lines: string[]) =>
  `GET /acme/x HTTP/1.1\r\nHost: h\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
const coded = (coding: string, body = "2\r\nab\r\n0\r\n\r\n") => post(`Transfer-Encoding:${coding}`, "", body);
const sized = (length: string, body = "ab") => post(`Content-Length:${length}`, "", body);
const chunks = (body: string) => coded(" chunked", body);

/** Bytes that are rejected with a status: the connection closes, and the replica gets no complete request. */
const rejectedBytes: readonly (readonly [what: string, bytes: string, status?: number])[] = [
  ["CL.TE", post("Content-Length: 6", "Transfer-Encoding: chunked", "", "0\r\n\r\nG")],
  ["TE.CL", post("Transfer-Encoding: chunked", "Content-Length: 4", "", "5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n")],
  ["a coding of another name", coded(" xchunked")],
  ["a coding behind a vertical tab", coded("\x0bchunked")],
  ["chunked, and another after it", coded(" chunked, identity")],
  ["identity before chunked", coded(" identity, chunked")],
  ["gzip before chunked", coded(" gzip, chunked")],
  ["chunked twice", coded(" chunked, chunked")],
  ["two fields, both chunked", coded(" chunked\r\nTransfer-Encoding: chunked")],
  ["two fields, the last identity", coded(" chunked\r\nTransfer-Encoding: identity")],
  ["two fields, the first another", coded(" x\r\nTransfer-Encoding: chunked")],
  ["an empty coding", coded("")],
  ["an empty coding and a length", coded("\r\nContent-Length: 2", "ab")],
  ["a quoted coding", coded(' "chunked"')],
  ["a coding with a parameter", coded(" chunked;q=1")],
  ["a coding with a comma behind", coded(" chunked,")],
  ["a space before the colon of the coding", post("Transfer-Encoding : chunked", "", "0\r\n\r\n")],
  ["a space before the colon of the length", post("Content-Length : 2", "", "ab")],
  ["the same length twice", sized(" 2\r\nContent-Length: 2")],
  ["two lengths", sized(" 2\r\nContent-Length: 1")],
  ["a list of lengths", sized(" 2, 2")],
  ["a length with a plus", sized(" +2")],
  ["a negative length", sized(" -2")],
  ["two numbers as the length", sized(" 1 2")],
  ["a hexadecimal length", sized(" 0x2")],
  ["a length with an exponent", sized(" 2e0")],
  ["a length with a fraction", sized(" 2.0")],
  ["an empty length", sized("")],
  ["a length of 23 digits", sized(" 99999999999999999999999")],
  ["a length of 2^64 + 2", sized(" 18446744073709551618")],
  ["a folded header", get("X-A: 1", " 2")],
  ["a fold before the first header", "GET /acme/x HTTP/1.1\r\n X-A: 1\r\nHost: h\r\n\r\n"],
  ["a folded coding", coded("\r\n chunked")],
  ["a folded length", sized("\r\n 2")],
  ["bare line feeds", "GET /acme/x HTTP/1.1\nHost: h\n\n"],
  ["one bare line feed between headers", get("X-A: 1\nX-B: 2")],
  ["a bare line feed as the last line", "GET /acme/x HTTP/1.1\r\nHost: h\r\n\n"],
  ["a bare carriage return in a value", get("X-A: 1\rX-B: 2")],
  ["a carriage return too many", get("X-A: 1\r")],
  ["a carriage return too many behind the request line", "GET /acme/x HTTP/1.1\r\r\nHost: h\r\n\r\n"],
  ["a NUL in a value", get("X-A: a\0b")],
  ["a NUL in a name", get("X\0A: ab")],
  ["a control character in a value", get("X-A: a\x01b")],
  ["a DEL in a value", get("X-A: a\x7fb")],
  ["a space in a name", get("X A: ab")],
  ["no name", get(": ab")],
  ["no colon", get("XA")],
  ["a name with brackets", get("X(A): ab")],
  ["a name that is not ASCII", get("X\xe9: ab")],
  ["no Host", "GET /acme/x HTTP/1.1\r\n\r\n"],
  ["two Hosts", get("Host: evil")],
  ["a Host with a path", "GET /acme/x HTTP/1.1\r\nHost: h/acme\r\n\r\n"],
  ["a Host with a user", "GET /acme/x HTTP/1.1\r\nHost: a@h\r\n\r\n"],
  ["a Host with a space", "GET /acme/x HTTP/1.1\r\nHost: h evil\r\n\r\n"],
  ["a target of another host than Host", "GET http://evil/acme/x HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["a target with a user", "GET http://a@h/acme/x HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["an authority as the target", "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 405],
  ["CONNECT with a path", "CONNECT /acme/x HTTP/1.1\r\nHost: h\r\n\r\n", 405],
  ["a NUL in the target", "GET /acme/x?\0 HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["a target that is not ASCII", "GET /acme/x/\xe9 HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["a space in the target", "GET /acme/x a HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["tabs in the request line", "GET\t/acme/x\tHTTP/1.1\r\nHost: h\r\n\r\n"],
  ["a space behind the version", "GET /acme/x HTTP/1.1 \r\nHost: h\r\n\r\n"],
  ["a method in lower case", "get /acme/x HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["HTTP/0.9", "GET /acme/x\r\n\r\n"],
  ["HTTP/0.9 with its name", "GET /acme/x HTTP/0.9\r\n\r\n"],
  ["HTTP/1.2", "GET /acme/x HTTP/1.2\r\nHost: h\r\n\r\n"],
  ["HTTP/2.0", "GET /acme/x HTTP/2.0\r\nHost: h\r\n\r\n"],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["the hello of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ["chunks in HTTP/1.0", "POST /acme/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["another expectation", post("Expect: a miracle", "Content-Length: 2", "", "ab"), 417],
  ["a header of 20 kB", get(`X-A: ${"a".repeat(20_000)}`), 431],
  ["a target of 20 kB", `GET /acme/x?${"a".repeat(20_000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 431],
  ["201 headers", get(...Array.from({ length: 200 }, (_, i) => `A${i}: b`)), 431],
  [
    "2,500 headers before a length",
    post(...Array.from({ length: 2_500 }, () => "a:"), "Content-Length: 2", "", "ab"),
    431,
  ],
  ["a chunk's extension with a line feed", chunks("2;a\nxx\r\nab\r\n0\r\n\r\n")],
  ["a chunk's extension with a carriage return", chunks("2;a\rxx\r\nab\r\n0\r\n\r\n")],
  ["a chunk's extension of 20 kB", chunks(`2;a=${"b".repeat(20_000)}\r\nab\r\n0\r\n\r\n`)],
  ["a bare line feed behind a chunk's size", chunks("2\nab\r\n0\r\n\r\n")],
  ["a bare line feed behind a chunk", chunks("2\r\nab\n0\r\n\r\n")],
  ["a space behind a chunk's size", chunks("2 \r\nab\r\n0\r\n\r\n")],
  ["a space before a chunk's size", chunks(" 2\r\nab\r\n0\r\n\r\n")],
  ["a chunk's size with 0x", chunks("0x2\r\nab\r\n0\r\n\r\n")],
  ["a negative chunk's size", chunks("-2\r\nab\r\n0\r\n\r\n")],
  ["a chunk's size of 2^64 + 2", chunks("10000000000000002\r\nab\r\n0\r\n\r\n")],
  ["a chunk that is longer than its size", chunks("2\r\nabc\r\n0\r\n\r\n")],
  ["no chunk's size", chunks("\r\nab\r\n0\r\n\r\n")],
  ["a length among the trailers", chunks("2\r\nab\r\n0\r\nContent-Length: 5\r\n\r\n")],
  ["a coding among the trailers", chunks("2\r\nab\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n")],
  ["24 kB of trailers", chunks(`2\r\nab\r\n0\r\n${"X-T: 1\r\n".repeat(3_000)}\r\n`), 431],
];

/** Bytes that are forwarded, and the requests that the replica gets: method, target and body. */
const forwardedBytes: readonly (readonly [what: string, bytes: string, requests: readonly string[]])[] = [
  ["a coding behind a tab", coded("\tchunked"), ["POST / ab"]],
  ["a coding in other letters", coded(" ChUnKeD"), ["POST / ab"]],
  ["a chunk's extension", chunks('2;a=b;c="d"\r\nab\r\n0\r\n\r\n'), ["POST / ab"]],
  ["a chunk's size with zeros before", chunks("0002\r\nab\r\n0000\r\n\r\n"), ["POST / ab"]],
  ["trailers", chunks("2\r\nab\r\n0\r\nX-T: 1\r\nHost: evil\r\n\r\n"), ["POST / ab"]],
  ["a length with zeros before", sized(" 002"), ["POST / ab"]],
  ["a length with a space behind", sized(" 2 "), ["POST / ab"]],
  ["a coding by another name", post("Transfer_Encoding: chunked", "Content-Length: 2", "", "ab"), ["POST / ab"]],
  ["a length that Connection names", post("Connection: content-length", "Content-Length: 2", "", "ab"), ["POST / ab"]],
  ["GET with a body", "GET /acme/x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", ["GET / ab"]],
  [
    "GET with chunks",
    "GET /acme/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    ["GET / ab"],
  ],
  ["HEAD with a body", "HEAD /acme/x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", ["HEAD / ab"]],
  ["DELETE with a body", "DELETE /acme/x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", ["DELETE / ab"]],
  ["a body that looks like a request", sized(` ${NEXT.length}`, NEXT), [`POST / ${NEXT}`]],
  ["100-continue", post("Expect: 100-continue", "Content-Length: 2", "", "ab"), ["POST / ab"]],
  ["HTTP/1.0 that keeps its connection", "GET /acme/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ["GET / "]],
  ["a target with the host", "GET http://H/acme/x HTTP/1.1\r\nHost: h\r\n\r\n", ["GET / "]],
  ["empty lines before", `\r\n\r\n${get()}`, ["GET / "]],
  ["an empty Host", "GET /acme/x HTTP/1.1\r\nHost:\r\n\r\n", ["GET / "]],
  ["200 headers", get(...Array.from({ length: 199 }, (_, i) => `A${i}: b`)), ["GET / "]],
  [
    "three requests at once",
    `GET /acme/x/1 HTTP/1.1\r\nHost: h\r\n\r\n${sized(" 2")}GET /acme/x/3 HTTP/1.1\r\nHost: h\r\n\r\n`,
    ["GET /1 ", "POST / ab", "GET /3 "],
  ],
];

for (const reader of ["fast", "node"] as const)
  describe(`ambiguous requests, with the reader "${reader}"`, { concurrency: false }, () => {
    let gateway: TestGateway;
    let replica: RawReplica;
    before(async () => {
      gateway = await startTestGateway(() => () => {}, {}, { reader });
      await gateway.run();
      // The response names its request.
      replica = rawReplica(gateway, ({ first }) => {
        const [method = "", target = ""] = first.split(" ");
        return `HTTP/1.1 200 OK\r\nContent-Length: ${target.length + 2}\r\n\r\n${method === "HEAD" ? "" : `<${target}>`}`;
      });
    });
    after(() => gateway[Symbol.asyncDispose]());

    /** Sends bytes; resolves with everything received until the server closes the connection. */
    async function exchange(bytes: string): Promise<string> {
      replica.requests.length = 0;
      replica.errors.length = 0;
      const socket = gateway.connect();
      let text = "";
      socket.on("data", (data) => {
        text += data.toString("latin1");
      });
      socket.on("error", () => {});
      socket.write(bytes, "latin1");
      const timer = setTimeout(() => socket.destroy(new Error("not closed within 30 s")), 30_000);
      const [broken] = await once(socket, "close");
      clearTimeout(timer);
      assert.deepEqual(replica.errors, []);
      assert.ok(!broken || text !== "", "the connection is closed with a response");
      return text;
    }

    const statuses = (text: string) => Array.from(text.matchAll(/HTTP\/1\.1 (\d+) /g), ([, status]) => Number(status));
    const forwarded = () => replica.requests.map(({ first, body }) => `${first.replace(/ HTTP\/1.1$/, "")} ${body}`);

    for (const [what, bytes, status = 400] of rejectedBytes) {
      test(`rejects and ignores everything after: ${what}`, async () => {
        const text = await exchange(bytes + NEXT);
        assert.deepEqual(statuses(text), [status]);
        assert.match(text, /^Connection: close\r$/m);
        assert.match(text, /^Content-Type: application\/problem\+json\r$/m);
        assert.match(text, new RegExp(`"status":${status},.*"code":"[A-Z_]+"`));
        assert.deepEqual(forwarded(), []);
      });
    }

    for (const [what, bytes, requests] of forwardedBytes) {
      test(`forwards as one request: ${what}`, async () => {
        const text = await exchange(bytes + NEXT);
        assert.deepEqual(forwarded().toSorted(), [...requests, "GET /next "].toSorted());
        assert.deepEqual(
          statuses(text).filter((status) => status !== 100),
          [...requests, NEXT].map(() => 200),
        );
        // In the order of the requests, whichever the replica responded to first.
        const bodies = requests.filter((each) => !each.startsWith("HEAD")).map((each) => `<${each.split(" ")[1]}>`);
        assert.deepEqual(text.match(/<[^>]*>/g), [...bodies, "</next>"]);
      });
    }

    for (const lines of [
      ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"],
      ["Upgrade: websocket"],
    ]) {
      test(`declines an offered upgrade, and closes the connection: ${lines.join(", ")}`, async () => {
        const text = await exchange(get(...lines) + NEXT);
        assert.deepEqual(statuses(text), [200]);
        assert.deepEqual(forwarded(), ["GET / "]);
        assert.doesNotMatch(replica.bytes(), /upgrade|http2-settings/i);
      });
    }

    test("opens no WebSocket for a request with a body, or with another method than GET", async () => {
      const text = await exchange(
        post("Connection: Upgrade", "Upgrade: websocket", `Content-Length: ${NEXT.length}`, "", NEXT),
      );
      assert.deepEqual(statuses(text), [200]);
      assert.deepEqual(forwarded(), [`POST / ${NEXT}`]);
    });

    for (const head of [
      "CONNECT h:80 HTTP/1.1\r\nHost: h",
      "GET /acme/x HTTP/1.1\r\nHost: h h\r\nConnection: Upgrade\r\nUpgrade: websocket",
    ]) {
      test(`survives a rejected client that resets its connection: ${head.split("\r\n")[0]}`, async () => {
        const socket = gateway.connect();
        socket.on("error", () => {});
        socket.write(`${head}\r\n\r\n`);
        await once(socket, "data");
        socket.resetAndDestroy();
        assert.match(await exchange(NEXT), /^HTTP\/1\.1 200 /);
      });
    }

    test("responds to a malformed request after the response to the one before it", async () => {
      const text = await exchange(`${get()}${sized(" x")}${NEXT}`);
      assert.deepEqual(statuses(text), [200, 400]);
      assert.deepEqual(forwarded(), ["GET / "]);
    });

    test("forwards header bytes unchanged, and no alias of the gateway's own headers", async () => {
      const lines = [
        "X-Caf: \xe9\x85\xff",
        "Accept:a\tb",
        "X_Forwarded_For: evil",
        "Transfer_Encoding: chunked",
        "x_faas_token: a",
        "a_b: c",
      ];
      await exchange(get(...lines, "Connection: close"));
      const got = replica.requests[0]?.lines ?? [];
      assert.ok(
        got.includes("X-Caf: \xe9\x85\xff") && got.includes("Accept: a\tb") && got.includes("a_b: c"),
        got.join(" | "),
      );
      assert.deepEqual(
        got.filter((line) => /^(?:x_|transfer_)/i.test(line)),
        [],
      );
    });

    test("removes the headers that Connection names, except those that the gateway sets", async () => {
      const names = "X-Request-Id, X-Forwarded-For, Forwarded, Host, X-Keep, close";
      await exchange(get("X-Request-Id: mine", `Connection: ${names}`, "X-Keep: 1", "Keep-Alive: 1", "TE: trailers"));
      const names2 = replica.requests[0]?.lines.map((line) => line.split(":")[0]?.toLowerCase());
      assert.deepEqual(names2?.toSorted(), [
        "forwarded",
        "host",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-request-id",
      ]);
      assert.ok(replica.requests[0]?.lines.includes("X-Request-Id: mine"));
    });

    test("rejects more than 100 pipelined requests", async () => {
      const text = await exchange(get().repeat(150));
      const all = statuses(text);
      assert.equal(all.at(-1), 400);
      assert.deepEqual(
        all.slice(0, -1),
        Array.from({ length: all.length - 1 }, () => 200),
      );
      // The fast reader answers the first request before node:http gets the others.
      assert.equal(all.length, reader === "fast" ? 103 : 102);
    });
  });
