import type { Random } from "@faas/testing";

const METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
const ODD_METHODS = ["get", "G\0T", "", "CONNECT", "TRACE", "PRI", "FOO", "A".repeat(300), "GET GET", "QUERY"];
const ODD_TARGETS = [
  "",
  "*",
  "/",
  "//",
  "/..",
  "/%00",
  "/%",
  "http://h/",
  "http://",
  "h:80",
  "/\xff",
  "/a b",
  "?",
  "/-/",
  "/%2e%2e/%2f",
  `/${"a".repeat(9_000)}`,
];
const VERSIONS = ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "http/1.1", "HTTP/1.1 ", "HTTP/11", "", "HTTP/1.1\r"];
const LINE_ENDS = ["\n", "\r", "\r\r\n", "\n\r", " \r\n", "\r\n\r\n", ""];
const LENGTHS = [
  "0",
  "1",
  "3",
  "+3",
  "-1",
  "0x3",
  "3,3",
  "3 3",
  "003",
  "",
  " ",
  "99999999999999999999",
  "9223372036854775807",
  "18446744073709551618",
  "3;3",
  "1e1",
];
const CODINGS = [
  "chunked",
  "Chunked",
  "xchunked",
  "\x0bchunked",
  "chunked, identity",
  "gzip, chunked",
  "identity",
  "chunked, chunked",
  "",
  "chunked,",
  '"chunked"',
  "chunked;a=b",
];
const SIZES = [
  "0",
  "3",
  "003",
  "0x3",
  "-1",
  " 3",
  "3 ",
  "3;a=b",
  "3;a\n",
  "",
  "g",
  "ffffffffffffffff",
  "10000000000000000",
  "3\r",
  "A".repeat(5_000),
];
const GOOD_HEADERS = [
  "Accept: */*",
  "Content-Type: application/json",
  "Content-Type: text/plain",
  "Cookie: a=1",
  "Expect: 100-continue",
  "Connection: keep-alive",
  "Connection: close",
  "TE: trailers",
  "X-Request-Id: a",
  "If-None-Match: *",
];
const HEADERS = [
  "Content-Type: text/plain; charset=nope",
  "Content-Type: application/x-www-form-urlencoded",
  "Content-Type:",
  "Cookie: a=1",
  "Cookie: ;=;",
  "Expect: 100-continue",
  "Expect: a miracle",
  "Connection: close",
  "Connection: keep-alive, Content-Length, Host",
  "Connection: Upgrade",
  "Upgrade: h2c",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "HTTP2-Settings: AAMA",
  "TE: trailers",
  "Trailer: Content-Length",
  "Keep-Alive: timeout=0",
  "Host: evil",
  "Host : h",
  "X-Request-Id: a\tb",
  `X-Request-Id: ${"a".repeat(200)}`,
  "X-Forwarded-For: 1, 2, ,",
  "X-Forwarded-Host: a b/c",
  "X-Forwarded-Proto: gopher",
  "X-Faas-Token: faas_x",
  "Authorization: Bearer faas_",
  "Authorization: \xff",
  "If-None-Match: *",
  "Range: bytes=0-",
  ": nothing",
  "no colon",
  "X\0: a",
  "X: \0",
  "X: a\rb",
  "X: a\nb",
  " folded",
  "\tfolded",
  "X\xe9: a",
  "Transfer_Encoding: chunked",
  "Content_Length: 3",
  `X-Long: ${"a".repeat(17_000)}`,
];
const BODIES = [
  "abc",
  "{}",
  '{"a":',
  "[[[[[[",
  "\0\xff\xfe",
  '{"__proto__":{"a":1}}',
  '"\\ud800"',
  "1e999",
  "a=1&a=2&%zz",
  "x".repeat(20_000),
];

/**
 * Generates the bytes of one to three requests, as latin1, from a grammar in which any part may be replaced by another one. The same seed yields the
 * same requests.
 */
export function malformedRequest(random: Random, targets: readonly string[]): string {
  let text = "";
  const count = random() < 0.8 ? 1 : 1 + Math.floor(random() * 3);
  for (let i = 0; i < count; i++) text += request(random, targets);
  if (random() < 0.3) text = mutate(random, text);
  return text;
}

const pick = <T>(random: Random, of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;

function request(random: Random, targets: readonly string[]): string {
  const odd = (probability: number) => random() < probability;
  const end = () => (odd(0.02) ? pick(random, LINE_ENDS) : "\r\n");
  const method = odd(0.08) ? pick(random, ODD_METHODS) : pick(random, METHODS);
  const target = odd(0.1) ? pick(random, ODD_TARGETS) : pick(random, targets);
  const lines = [`${method}${odd(0.03) ? "  " : " "}${target} ${odd(0.08) ? pick(random, VERSIONS) : "HTTP/1.1"}`];
  if (!odd(0.05)) lines.push("Host: 127.0.0.1");
  while (odd(0.6)) lines.push(pick(random, odd(0.15) ? HEADERS : GOOD_HEADERS));
  if (odd(0.01)) for (let i = 0; i < 300; i++) lines.push(`A${i}: b`);
  const body = pick(random, BODIES);
  let rest = "";
  if (odd(0.4)) {
    lines.push(`Content-Length:${odd(0.1) ? "" : " "}${odd(0.4) ? pick(random, LENGTHS) : body.length}`);
    rest = body;
  }
  if (odd(0.35)) {
    lines.push(`Transfer-Encoding${odd(0.05) ? " " : ""}: ${odd(0.4) ? pick(random, CODINGS) : "chunked"}`);
    rest = chunked(random, body);
  }
  for (let i = lines.length - 1; i > 1 && odd(0.3); i--)
    lines.push(...lines.splice(1 + Math.floor(random() * (i - 1)), 1));
  return `${lines.map((line) => line + end()).join("")}${end()}${rest}`;
}

function chunked(random: Random, body: string): string {
  const odd = (probability: number) => random() < probability;
  let text = "";
  for (let i = 0; i < 3 && !odd(0.3); i++) {
    const size = odd(0.25) ? pick(random, SIZES) : body.length.toString(16);
    text += `${size}${odd(0.05) ? pick(random, LINE_ENDS) : "\r\n"}${body}${odd(0.05) ? pick(random, LINE_ENDS) : "\r\n"}`;
  }
  if (odd(0.1)) return text;
  const trailer = odd(0.1) ? `${pick(random, HEADERS)}\r\n` : "";
  return `${text}0\r\n${trailer}${odd(0.05) ? "" : "\r\n"}`;
}

/** Cuts, duplicates, changes and inserts a few bytes. */
function mutate(random: Random, text: string): string {
  let changed = text;
  for (let i = 1 + Math.floor(random() * 4); i > 0; i--) {
    const at = Math.floor(random() * (changed.length + 1));
    const byte = String.fromCharCode(Math.floor(random() * 256));
    const kind = random();
    if (kind < 0.25) changed = changed.slice(0, at) + byte + changed.slice(at);
    else if (kind < 0.5) changed = changed.slice(0, at) + byte + changed.slice(at + 1);
    else if (kind < 0.75) changed = changed.slice(0, at) + changed.slice(at + 1 + Math.floor(random() * 8));
    else if (kind < 0.9) changed = changed.slice(0, at) + changed.slice(Math.max(0, at - 20), at) + changed.slice(at);
    else changed = changed.slice(0, at);
  }
  return changed;
}
