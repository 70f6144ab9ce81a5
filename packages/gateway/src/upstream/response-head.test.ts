import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResponseHead } from "./response-head.ts";

const parse = (lines: readonly string[], method = "GET") => {
  const head = parseResponseHead(lines.join("\r\n"), method, 4_000);
  return { ...head, headers: head.fields.flatMap(({ name, value }) => [name, value]) };
};

test("returns status and headers unchanged, with names in lower case", () => {
  const { status, headers } = parse(["HTTP/1.1 299 Fine, really", "X-One:  a b ", "x-one: c:d", "X-Empty:"]);
  assert.equal(status, 299);
  assert.deepEqual(headers, ["x-one", "a b", "x-one", "c:d", "x-empty", ""]);
});

test("forwards one Content-Length, and none where there can be no body", () => {
  const twice = ["HTTP/1.1 200", "Content-Length: 1", "content-length: 1"];
  assert.deepEqual(parse(twice).headers, ["content-length", "1"]);
  assert.deepEqual(parse(["HTTP/1.1 204 No Content", "Content-Length: 3"]).headers, []);
  assert.deepEqual(parse(twice, "HEAD").headers, ["content-length", "1"]);
});

for (const [what, method, lines, expected] of [
  ["a length", "GET", ["HTTP/1.1 200 OK", "Content-Length: 12"], { kind: "length", bytes: 12 }],
  [
    "the same length twice",
    "GET",
    ["HTTP/1.1 200", "Content-Length: 1", "content-length: 1"],
    { kind: "length", bytes: 1 },
  ],
  ["chunks", "POST", ["HTTP/1.1 200 OK", "Transfer-Encoding: Chunked"], { kind: "chunked" }],
  ["neither", "GET", ["HTTP/1.1 200 OK"], { kind: "until-close" }],
  ["HEAD", "HEAD", ["HTTP/1.1 200 OK", "Content-Length: 12"], { kind: "none" }],
  ["204", "GET", ["HTTP/1.1 204 No Content"], { kind: "none" }],
  ["304", "GET", ["HTTP/1.1 304 Not Modified", "Content-Length: 12"], { kind: "none" }],
  ["103", "GET", ["HTTP/1.1 103 Early Hints", "Link: </a>"], { kind: "none" }],
] as const) {
  test(`finds the end of the body: ${what}`, () => assert.deepEqual(parse(lines, method).framing, expected));
}

for (const [what, lines, expected] of [
  ["1.1 by default", ["HTTP/1.1 204 No Content"], 4_000],
  ["1.1 with close", ["HTTP/1.1 204 No Content", "Connection: X-Hop, Close"], 0],
  ["1.0 by default", ["HTTP/1.0 204 No Content"], 0],
  ["1.0 with keep-alive", ["HTTP/1.0 204 No Content", "Connection: Keep-Alive"], 4_000],
  ["a hint that is longer", ["HTTP/1.1 204 No Content", "Keep-Alive: timeout=75"], 4_000],
  [
    "a hint that is shorter",
    ["HTTP/1.1 204 No Content", "Connection: keep-alive", "Keep-Alive: timeout=2, max=100"],
    1_000,
  ],
  ["a hint of a second", ["HTTP/1.1 204 No Content", "Keep-Alive: timeout=1"], 0],
  ["a body until the end of the connection", ["HTTP/1.1 200 OK"], 0],
] as const) {
  test(`limits the reuse of a connection: HTTP/${what}`, () => assert.equal(parse(lines).keepMs, expected));
}

for (const [lines, expected] of [
  [["HTTP/2 200 OK"], /expected HTTP\/1.1, got "HTTP\/2 200 OK"/],
  [["ICY 200 OK"], /expected HTTP\/1.1/],
  [["HTTP/1.1 20 OK"], /expected HTTP\/1.1/],
  [["HTTP/1.1 2000 OK"], /expected HTTP\/1.1/],
  [[""], /expected HTTP\/1.1/],
  [["HTTP/1.1 200 OK", "no colon"], /expected a header field, got "no colon"/],
  [["HTTP/1.1 200 OK", ": nameless"], /expected a header field/],
  [["HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2"], /more than one Content-Length/],
  [["HTTP/1.1 200 OK", "Content-Length: -1"], /not a number: "-1"/],
  [["HTTP/1.1 200 OK", "Content-Length: 1, 1"], /not a number/],
  [["HTTP/1.1 200 OK", "Content-Length: 0x1"], /not a number/],
  [["HTTP/1.1 200 OK", "Content-Length: 1", "Transfer-Encoding: chunked"], /both Content-Length and Transfer-Encoding/],
  [["HTTP/1.1 204 OK", "Content-Length: 1", "Transfer-Encoding: chunked"], /both Content-Length and Transfer-Encoding/],
  [["HTTP/1.1 304 OK", "Content-Length: 1, 1"], /not a number/],
  [["HTTP/1.0 200 OK", "Transfer-Encoding: chunked"], /Transfer-Encoding is not allowed in HTTP\/1.0/],
  [["HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked"], /not "chunked": "gzip, chunked"/],
  [["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], /not "chunked"/],
] as const) {
  test(`rejects an ambiguous head: ${lines.join(" | ")}`, () => {
    assert.throws(() => parse(lines), expected);
  });
}

test("parses fields that responses have in common once, also around one with the wrapper's times", () => {
  const lines = ["HTTP/1.1 200 OK", "Content-Type: text/plain", "Date: today", "Content-Length: 2"];
  const previous = parseResponseHead(lines.join("\r\n"), "GET", 4_000);
  const timed = lines.toSpliced(2, 0, "X-Faas-Trace: handler=1+1").join("\r\n");
  const head = parseResponseHead(timed, "GET", 4_000, previous);
  assert.equal(head.times, "handler=1+1");
  assert.equal(head.headers, previous.headers);
});
