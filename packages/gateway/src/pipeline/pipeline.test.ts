import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { test } from "node:test";
import type { KeyVerifier } from "../keys/key-verifier.ts";
import { startTestGateway } from "../testing/test-gateway.ts";

/** Responds with the request it received. */
const echo: RequestListener = (request, response) => {
  const { method, url, rawHeaders } = request;
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ method, url, headers: request.headers, rawHeaders }));
};

async function readAll(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

test("names the endpoints for a path without one, if there are few and everybody may know of them", async () => {
  await using gateway = await startTestGateway(() => (_, response) => response.end("fine"));
  const detail = async () => String((await gateway.call("/")).json.detail);
  assert.match(await detail(), /got "\/"; "faas list" shows the existing endpoints$/);
  await gateway.deploy();
  assert.match(await detail(), /; the only endpoint is at \/acme\/x$/);
});

test("names no endpoint for a path without one where keys are required", async () => {
  const keys = { verify: () => undefined } as unknown as KeyVerifier;
  await using gateway = await startTestGateway(() => (_, response) => response.end("fine"), { keys });
  await gateway.deploy();
  assert.doesNotMatch(String((await gateway.call("/")).json.detail), /acme/);
});

test("forwards the rest of the path and the query byte for byte", async () => {
  await using gateway = await startTestGateway(() => echo);
  await gateway.run();
  const cases: Record<string, string> = {
    "/acme/x": "/",
    "/acme/x/": "/",
    "/acme/x?a=1": "/?a=1",
    "/acme/x/?a=%2e%2e/../b": "/?a=%2e%2e/../b",
    "/acme/x/a%2Fb%20c//d;e=f/.../%C3%A4%ff?q=%zz&r=a+b": "/a%2Fb%20c//d;e=f/.../%C3%A4%ff?q=%zz&r=a+b",
    "/acme/x//evil.example/": "//evil.example/",
    [`http://127.0.0.1:${gateway.port}/acme/x/a?b`]: "/a?b",
  };
  for (const [sent, got] of Object.entries(cases)) {
    const { json } = await gateway.call(sent);
    assert.equal(json.url, got, sent);
  }
});

test("rejects ambiguous paths", async () => {
  await using gateway = await startTestGateway(() => echo);
  await gateway.run();
  const paths = [
    "/acme/x/../y",
    "/acme/x/..",
    "/acme/x/./y",
    "/acme/x/%2e",
    "/acme/../acme/x",
    "/acme/x/%2e%2E/y",
    "/acme/x/.%2e",
    "/acme/x/a%2f..%2fb",
    "/acme/x/..%5cb",
    "/acme/x/a%00b",
    "/acme/x/%zz",
    "/acme/x/%2",
    "//acme/x",
    "*",
  ];
  for (const path of paths) {
    const { status, json, headers } = await gateway.call(path, { method: "OPTIONS" });
    assert.deepEqual([status, json.code], [400, "INVALID_PATH"], path);
    assert.equal(headers["content-type"], "application/problem+json");
  }
});

test("names the command that lists existing endpoints when one is missing", async () => {
  await using gateway = await startTestGateway(() => echo);
  await gateway.run();
  const codes: Record<string, string> = {
    "/acme/y": "ENDPOINT_NOT_FOUND",
    "/acme/y/x": "ENDPOINT_NOT_FOUND",
    "/other/x": "ORG_NOT_FOUND",
    "/acme": "NOT_FOUND",
    "/": "NOT_FOUND",
    "/acme/X": "ENDPOINT_NOT_FOUND",
    "/__proto__/constructor": "ORG_NOT_FOUND",
  };
  for (const [path, code] of Object.entries(codes)) {
    const { status, json } = await gateway.call(path, { method: "POST", body: "an unread body" });
    assert.deepEqual([status, json.code], [404, code], path);
    if (path !== "/") assert.match(String(json.detail), /"faas (?:org )?list/);
  }
});

test("sends paths of the control API to it, as absolute URLs too", async () => {
  await using gateway = await startTestGateway(() => echo);
  const absolute = `http://127.0.0.1:${gateway.port}/-/healthz`;
  for (const path of ["/-", "/-/healthz", "/-?a", "/add_endpoint", "/add_endpoint?a", absolute]) {
    assert.equal((await gateway.call(path)).text, "control", path);
  }
});

test("does not forward headers of one connection, in either direction", async () => {
  await using gateway = await startTestGateway(() => (request, response) => {
    response.setHeader("Connection", "close, X-Reply-Hop");
    response.setHeader("X-Reply-Hop", "1");
    response.setHeader("Proxy-Authenticate", "Basic");
    response.setHeader("Set-Cookie", ["a=1", "b=2"]);
    echo(request, response);
  });
  await gateway.run();
  const result = await gateway.call("/acme/x", {
    headers: {
      Connection: "close, X-Hop, x-forwarded-for",
      "X-Hop": "1",
      "Keep-Alive": "timeout=5",
      "Proxy-Authorization": "Basic eA==",
      "Proxy-Connection": "keep-alive",
      TE: "trailers",
      "Transfer-Encoding": "chunked",
      Trailer: "X-Sum",
      "X-End": ["1", "2"],
    },
  });
  const got = result.json.headers as Record<string, string>;
  for (const name of [
    "connection",
    "x-hop",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
  ]) {
    assert.equal(got[name], undefined, name);
  }
  assert.equal(got["x-end"], "1, 2");
  assert.equal(result.headers["x-reply-hop"], undefined);
  assert.equal(result.headers["proxy-authenticate"], undefined);
  assert.deepEqual(result.headers["set-cookie"], ["a=1", "b=2"]);
});

test("passes the client's address, protocol, host and path prefix to the function", async () => {
  await using gateway = await startTestGateway(() => echo);
  await gateway.run();
  const headersOf = async (headers: Record<string, string>) =>
    (await gateway.call("/acme/x/a", { headers })).json.headers as Record<string, string>;

  const direct = await headersOf({ Host: "faas.example:8887" });
  assert.equal(direct["x-forwarded-for"], "127.0.0.1");
  assert.equal(direct["x-forwarded-host"], "faas.example:8887");
  assert.equal(direct["x-forwarded-proto"], "http");
  assert.equal(direct["x-forwarded-prefix"], "/acme/x");
  assert.equal(direct.forwarded, 'for=127.0.0.1;proto=http;host="faas.example:8887"');
  assert.equal(direct.host, "faas.example:8887");

  const proxied = await headersOf({
    Host: "inner",
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Host": "outer.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/faas",
    Forwarded: "for=192.0.2.1",
  });
  assert.equal(proxied["x-forwarded-for"], "192.0.2.1, 127.0.0.1");
  assert.equal(proxied["x-forwarded-host"], "outer.example");
  assert.equal(proxied["x-forwarded-proto"], "https");
  assert.equal(proxied["x-forwarded-prefix"], "/acme/x");
  assert.equal(proxied.forwarded, 'for=192.0.2.1, for=127.0.0.1;proto=http;host="inner"');
});

test("passes the request id and the trace to the function, and the id to the client", async () => {
  await using gateway = await startTestGateway(() => (request, response) => {
    response.setHeader("X-Request-Id", "the function's own");
    echo(request, response);
  });
  await gateway.run();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const given = await gateway.call("/acme/x", { headers: { "X-Request-Id": "abc-1", traceparent } });
  const got = given.json.headers as Record<string, string>;
  assert.deepEqual([given.headers["x-request-id"], got["x-request-id"]], ["abc-1", "abc-1"]);
  assert.equal(got.traceparent, traceparent);
  for (const bad of ["a b", "x".repeat(129), ""]) {
    const made = await gateway.call("/acme/x", { headers: { "X-Request-Id": bad } });
    assert.match(String(made.headers["x-request-id"]), /^[0-9a-f-]{36}$/);
    assert.equal((made.json.headers as Record<string, string>)["x-request-id"], made.headers["x-request-id"]);
  }
});

test("adds Server-Timing to that of the function", async () => {
  await using gateway = await startTestGateway(() => (_, response) => {
    response.setHeader("Server-Timing", "db;dur=53");
    response.end();
  });
  await gateway.deploy();
  const timing = /^db;dur=53, queue;dur=[\d.]+, cold;dur=[\d.]+, exec;dur=[\d.]+, replica;desc=[\w-]+$/;
  const cold = await gateway.call("/acme/x");
  assert.match(String(cold.headers["server-timing"]), timing);
  assert.equal(cold.headers["x-cold-start"], "true");
  const warm = await gateway.call("/acme/x");
  assert.match(String(warm.headers["server-timing"]), /^db;dur=53, queue;dur=0, cold;dur=0, exec;dur=/);
  assert.equal(warm.headers["x-cold-start"], undefined);
});

test("forwards the status of the function unchanged", async () => {
  await using gateway = await startTestGateway(() => (request, response) => {
    response.writeHead(Number((request.url as string).slice(1)), { "X-Own": "1" }).end();
  });
  await gateway.run();
  for (const status of [200, 204, 299, 304, 404, 418, 500, 502, 503, 504, 599]) {
    const result = await gateway.call(`/acme/x/${status}`);
    assert.deepEqual([result.status, result.headers["x-own"]], [status, "1"]);
  }
});

test("responds to HEAD as to GET, without a body", async () => {
  await using gateway = await startTestGateway(() => (_, response) => {
    response.setHeader("Content-Length", 1234);
    response.end();
  });
  await gateway.run();
  const { status, headers, text } = await gateway.call("/acme/x", { method: "HEAD" });
  assert.deepEqual([status, headers["content-length"], text], [200, "1234", ""]);
});

test("forwards every method and every kind of body", async () => {
  await using gateway = await startTestGateway(() => async (request, response) => {
    response.end(`${request.method} ${await readAll(request)}`);
  });
  await gateway.run();
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
    for (const size of [0, 1, 10_000, 100_000]) {
      const body = "x".repeat(size);
      const sized = await gateway.call("/acme/x", { method, body, headers: { "Content-Length": size } });
      assert.equal(sized.text, `${method} ${body}`);
      if (size === 0) continue;
      const chunked = await gateway.call("/acme/x", { method, body, headers: { "Transfer-Encoding": "chunked" } });
      assert.equal(chunked.text, `${method} ${body}`);
    }
  }
});

test("rejects a body over the limit, with a declared length or without", async () => {
  await using gateway = await startTestGateway(() => async (request, response) => {
    await readAll(request).catch(() => {});
    response.end("read");
  });
  await gateway.run({ bodyLimit: "100k" });
  const post = (size: number, headers: Record<string, string>) =>
    gateway.call("/acme/x", { method: "POST", body: "x".repeat(size), headers });
  for (const headers of [{}, { "Transfer-Encoding": "chunked" }] as Record<string, string>[]) {
    assert.equal((await post(100_000, headers)).text, "read");
    const { status, json } = await post(100_001, headers);
    assert.deepEqual([status, json.code], [413, "BODY_TOO_LARGE"]);
  }
});

test("delivers the error to a client that is still sending", async () => {
  await using gateway = await startTestGateway(() => echo);
  await gateway.run({ bodyLimit: "1k" });
  const { status } = await gateway.call("/acme/x", { method: "POST", body: Buffer.alloc(20_000_000) });
  assert.equal(status, 413);
});

test("asks a client that expects 100 Continue for the body only when it is needed", async () => {
  await using gateway = await startTestGateway(() => async (request, response) => {
    response.end(String((await readAll(request)).length));
  });
  await gateway.run({ bodyLimit: "1Mi" });
  for (const [length, expected] of [
    [10, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\n10$/],
    [100_000, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\n100000$/],
    [10_000_000, /^HTTP\/1.1 413 /],
  ] as const) {
    const socket = gateway.connect();
    socket.write(
      `POST /acme/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`,
    );
    let received = "";
    socket.on("data", (chunk) => {
      if (received === "" && String(chunk).startsWith("HTTP/1.1 100 ")) socket.write("x".repeat(length));
      received += chunk;
    });
    await once(socket, "close");
    assert.match(received, expected);
  }
});

test("forwards no ambiguous request", async () => {
  let calls = 0;
  await using gateway = await startTestGateway(() => (_, response) => {
    calls++;
    response.end();
  });
  await gateway.run();
  const heads = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: 5, 6",
    "Content-Length: +5",
    "Content-Length: 0x5",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding : chunked",
    "X-Folded: a\r\n Transfer-Encoding: chunked\r\nContent-Length : 5",
  ];
  for (const head of heads) {
    const socket = gateway.connect();
    socket.write(`POST /acme/x HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n0\r\n\r\nGET /acme/x HTTP/1.1\r\nHost: x\r\n\r\n`);
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
    });
    await once(socket, "close");
    assert.match(received, /^HTTP\/1.1 400 [\s\S]*"code":"INVALID_REQUEST"/, head);
    assert.equal(received.match(/HTTP\/1.1/g)?.length, 1, head);
  }
  assert.equal(calls, 0);
});

test("keeps the connection after a response to an unread body", async () => {
  await using gateway = await startTestGateway(() => (_, response) => void response.end("unread"));
  await gateway.run();
  const socket = gateway.connect();
  const body = "x".repeat(500_000);
  const head = `POST /acme/x HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
  socket.write(`${head}${body}${head}${body}GET /acme/y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  await once(socket, "close");
  assert.deepEqual(received.match(/HTTP\/1.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 404"]);
});

test("forwards to replicas on Unix sockets", async () => {
  await using gateway = await startTestGateway(() => echo);
  gateway.platform.onSocketFiles = true;
  await gateway.run();
  assert.equal((await gateway.call("/acme/x/a")).json.url, "/a");
});
