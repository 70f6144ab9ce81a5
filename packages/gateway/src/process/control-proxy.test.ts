import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { type ControlProxyOptions, controlProxy } from "./control-proxy.ts";

/** A control server on a Unix socket, and a gateway that passes everything on to it. */
async function startPair(control: RequestListener, options: Partial<ControlProxyOptions> = {}) {
  const socketPath = join(tempDir("control"), "s");
  const server = createServer(control).listen(socketPath);
  await once(server, "listening");
  const gateway = createServer(controlProxy({ address: { socketPath }, ...options })).listen(0, "127.0.0.1");
  await once(gateway, "listening");
  const { port } = gateway.address() as AddressInfo;
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      await Promise.all([end(server), end(gateway)]);
    },
  };
}

async function end(server: Server): Promise<void> {
  const closed = new Promise((done) => server.close(done));
  server.closeAllConnections();
  await closed;
}

test("a request and its response pass through a gateway unchanged", async () => {
  await using pair = await startPair(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    response.writeHead(201, "Made", { "X-Own": "1", "Content-Type": "text/plain" });
    response.end(`${request.method} ${request.url} ${request.headers.authorization} ${body}`);
  });
  const headers = { authorization: "Bearer key" };
  const response = await fetch(`${pair.url}/-/orgs/acme?x=%20`, { method: "PUT", headers, body: "text" });
  assert.equal(response.status, 201);
  assert.equal(response.statusText, "Made");
  assert.equal(response.headers.get("x-own"), "1");
  assert.equal(await response.text(), "PUT /-/orgs/acme?x=%20 Bearer key text");
});

test("the control server learns the client's address, which the client cannot choose", async () => {
  await using pair = await startPair((request, response) => response.end(JSON.stringify(request.headers)), {
    token: () => "secret",
  });
  const forged = { "x-faas-client-address": "8.8.8.8", "x-faas-gateway-token": "guess" };
  const headers = (await (await fetch(pair.url, { headers: forged })).json()) as Record<string, string>;
  assert.equal(headers["x-faas-client-address"], "127.0.0.1");
  assert.equal(headers["x-faas-gateway-token"], "secret");
});

test("a stream arrives while the control server still writes it, and ends for both when the client leaves", async () => {
  const left = Promise.withResolvers<void>();
  await using pair = await startPair((_, response) => {
    response.write("first line\n");
    response.once("close", left.resolve);
  });
  const response = await fetch(`${pair.url}/-/logs`);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  assert.equal(Buffer.from(value as Uint8Array).toString(), "first line\n");
  await reader.cancel();
  await left.promise;
});

test("an upload waits for a control server that does not read it", async () => {
  const reading = Promise.withResolvers<void>();
  await using pair = await startPair(async (request, response) => {
    await reading.promise;
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.end(String(bytes));
  });
  const chunk = Buffer.alloc(1 << 20);
  const upload = httpRequest({ port: pair.port, host: "127.0.0.1", method: "PUT", path: "/-/bundles/x" });
  let chunks = 0;
  while (upload.write(chunk)) chunks++;
  chunks++;
  reading.resolve();
  await once(upload, "drain");
  upload.end();
  const [response] = await once(upload, "response");
  assert.equal((await response.setEncoding("utf8").toArray()).join(""), String(chunks * chunk.length));
});

test("a response that the control server does not finish does not look complete", async () => {
  await using pair = await startPair((_, response) => {
    response.write("half");
    setImmediate(() => response.destroy());
  });
  const response = await fetch(pair.url);
  await assert.rejects(response.text());
});

test("responds with CONTROL_SERVER_AWAY and Retry-After while the control server is unavailable", async () => {
  await using pair = await startPair((_, response) => response.end());
  await end(pair.server);
  const response = await fetch(`${pair.url}/-/orgs`);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "1");
  assert.equal(((await response.json()) as { code: string }).code, "CONTROL_SERVER_AWAY");
});

test("responds at once while the control server is known to be unavailable", async () => {
  await using pair = await startPair(() => assert.fail("called the control server"), { isAway: () => true });
  assert.equal((await fetch(pair.url)).status, 503);
});

test("says that the outcome is unknown when the control server goes away during a change", async () => {
  await using pair = await startPair((request) => request.socket.destroy());
  const detailOf = async (method: string) =>
    ((await (await fetch(pair.url, { method })).json()) as { detail: string }).detail;
  assert.match(await detailOf("DELETE"), /outcome of this request is unknown/);
  assert.doesNotMatch(await detailOf("GET"), /unknown/);
});

test("the gateway closes the connection of a change, so that its last write cannot meet a closed one", async () => {
  const closed = Promise.withResolvers<void>();
  await using pair = await startPair((request, response) => {
    request.socket.once("end", closed.resolve);
    request.resume().once("end", () => response.end(request.headers.connection));
  });
  const response = await fetch(pair.url, { method: "POST", body: "text" });
  assert.equal(await response.text(), "keep-alive");
  await closed.promise;
});
