import assert from "node:assert/strict";
import { test } from "node:test";
import { INCOMPLETE, NOT_USUAL, parseRequestHead, type RequestHead } from "./request-head.ts";

const get = (...lines: string[]) =>
  `GET /acme/x HTTP/1.1\r\nHost: h\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
const post = (...lines: string[]) => get(...lines).replace("GET", "POST");

function headOf(text: string): RequestHead {
  const head = parseRequestHead(text);
  assert.ok(typeof head === "object", `${head}: ${JSON.stringify(text)}`);
  return head;
}

const USUAL = [
  get(),
  get("User-Agent: curl/8.5.0", "Accept: */*", "Accept-Encoding: gzip, br", 'If-None-Match: "a"'),
  get("Connection: keep-alive", "Keep-Alive: timeout=5", "TE: trailers"),
  get("CONNECTION: Close"),
  get("X-A: 1", "X-A: 2", "Set-Cookie: a", "Set-Cookie: b"),
  get("Content-Length: 0"),
  post("Content-Length: 12345", "Content-Type: application/json"),
  "OPTIONS /?a=b&c[]=%20 HTTP/1.1\r\nHost: h\r\n\r\n".replace("[]", "%5B%5D"),
  "DELETE /a/b;c=d/(e)~!$'*+,=:@ HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
  get(...Array.from({ length: 99 }, (_, i) => `A${i}: b`)),
];

for (const text of USUAL) test(`is usual: ${JSON.stringify(text.slice(0, 90))}`, () => void headOf(text));

const NOT: readonly (readonly [what: string, text: string])[] = [
  ["an empty line before", `\r\n${get()}`],
  ["another method", get().replace("GET", "TRACE")],
  ["a method in lower case", get().replace("GET", "get")],
  ["two spaces before the target", get().replace("GET ", "GET  ")],
  ["a target with a host", get().replace("/acme", "http://h/acme")],
  ["an asterisk as the target", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["an empty target", "GET  HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["a target with a fragment", get().replace("/x", "/x#a")],
  ["a target with braces", get().replace("/x", "/{x}")],
  ["a target with a backslash", get().replace("/x", "\\x")],
  ["a target that is not ASCII", get().replace("/x", "/\xe9")],
  ["HTTP/1.0", get().replace("HTTP/1.1", "HTTP/1.0")],
  ["HTTP/1.2", get().replace("HTTP/1.1", "HTTP/1.2")],
  ["a space behind the version", get().replace("HTTP/1.1", "HTTP/1.1 ")],
  ["a bare line feed behind the version", get().replace("1.1\r\n", "1.1\n")],
  ["no Host", get().replace("Host: h\r\n", "")],
  ["two Hosts", get("Host: h")],
  ["two Hosts in other letters", get("hOST: h")],
  ["a Host with a path", get().replace("Host: h", "Host: h/a")],
  ["an empty Host", get().replace("Host: h", "Host: ")],
  ["a space before the colon", get("X-A : 1")],
  ["no space after the colon", get("X-A:1")],
  ["two spaces after the colon", get("X-A:  1")],
  ["a tab after the colon", get("X-A:\t1")],
  ["a space behind the value", get("X-A: 1 ")],
  ["an empty value", get("X-A: ")],
  ["nothing after the colon", get("X-A:")],
  ["an empty name", get(": 1")],
  ["no colon", get("X-A")],
  ["an underscore in a name", get("X_A: 1")],
  ["a name with a bracket", get("X(A: 1")],
  ["a tab in a value", get("X-A: 1\t2")],
  ["a NUL in a value", get("X-A: 1\x002")],
  ["a DEL in a value", get("X-A: 1\x7f2")],
  ["a value that is not ASCII", get("X-A: \xe9")],
  ["a bare line feed in a value", get("X-A: 1\nX-B: 2")],
  ["a bare carriage return in a value", get("X-A: 1\rX-B: 2")],
  ["a folded value", get("X-A: 1", " 2")],
  ["a bare line feed as the last line", get().replace(/\r\n$/, "\n")],
  ["chunks", post("Transfer-Encoding: chunked")],
  ["chunks and a length", post("Content-Length: 2", "Transfer-Encoding: chunked")],
  ["an expectation", post("Expect: 100-continue", "Content-Length: 2")],
  ["an upgrade", get("Upgrade: websocket", "Connection: Upgrade")],
  ["an upgrade that Connection does not name", get("Upgrade: h2c")],
  ["HTTP/2 settings", get("HTTP2-Settings: AAMA")],
  ["trailers", get("Trailer: X-A")],
  ["credentials for a proxy", get("Proxy-Authorization: Basic a")],
  ["another option in Connection", get("Connection: close, X-A")],
  ["two Connections", get("Connection: close", "Connection: close")],
  ["the same length twice", post("Content-Length: 2", "Content-Length: 2")],
  ["a list of lengths", post("Content-Length: 2, 2")],
  ["a length with a sign", post("Content-Length: +2")],
  ["a length with a zero before", post("Content-Length: 02")],
  ["a length of 16 digits", post("Content-Length: 1000000000000000")],
  ["a hexadecimal length", post("Content-Length: 0x2")],
  ["a body of a GET", get("Content-Length: 2")],
  ["two keys", get("Authorization: Bearer a", "Authorization: Bearer b")],
  ["two X-Forwarded-For", get("X-Forwarded-For: a", "X-Forwarded-For: b")],
  ["two TE", get("TE: trailers", "te: trailers")],
  ["101 fields", get(...Array.from({ length: 100 }, (_, i) => `A${i}: b`))],
  ["bytes of another protocol", "\x16\x03\x01\x02\x00"],
];

for (const [what, text] of NOT) test(`is not usual: ${what}`, () => assert.equal(parseRequestHead(text), NOT_USUAL));

test("keeps what the gateway needs, and the lines that are passed on, as they are and in their order", () => {
  const lines = [
    "accept: a",
    "X-Request-Id: id",
    "Authorization: Basic abc",
    "Connection: close",
    "Cookie: a=1; b=2",
    "X-Forwarded-For: 1.2.3.4",
    "TE: trailers",
    "Content-Length: 7",
    "Idempotency-Key: k",
    "cookie: c=3",
  ];
  const text = post(...lines);
  const head = headOf(`${text}{"a":1}GET /next`);
  const { known } = head.fields;
  assert.deepEqual(
    [head.method, head.target, head.bodyLength, head.keepAlive, head.length],
    ["POST", "/acme/x", 7, false, text.length],
  );
  assert.deepEqual(
    [known.host, known["x-request-id"], known["x-forwarded-for"], known.authorization, known["idempotency-key"]],
    ["h", "id", "1.2.3.4", "Basic abc", "k"],
  );
  const passedOn = ["accept: a", "Authorization: Basic abc", "Cookie: a=1; b=2", "Idempotency-Key: k", "cookie: c=3"];
  assert.equal(head.fields.endToEndLines, passedOn.map((line) => `${line}\r\n`).join(""));
});

test("does not pass on the caller's key", () => {
  const head = headOf(get("Authorization: Bearer faas_abc", "X-Faas-Token: faas_def", "X-A: 1"));
  assert.equal(head.fields.endToEndLines, "X-A: 1\r\n");
  assert.deepEqual(
    [head.fields.known.authorization, head.fields.known["x-faas-token"]],
    ["Bearer faas_abc", "faas_def"],
  );
});

test("is incomplete at every length before its end", () => {
  for (const text of USUAL)
    for (let length = 0; length < text.length; length++)
      assert.equal(parseRequestHead(text.slice(0, length)), INCOMPLETE, JSON.stringify(text.slice(0, length)));
});
