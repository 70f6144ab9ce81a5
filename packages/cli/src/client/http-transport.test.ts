import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { HttpTransport } from "./http-transport.ts";

/** Starts a server; returns its URL. */
async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const echo: RequestListener = async (request, response) => {
  const length = request.headers["content-length"] ?? "unknown";
  response.end(`${request.method} ${length} ${await text(request)}`);
};

for (const method of ["GET", "DELETE", "POST"]) {
  test(`sends the body of ${method} with its length`, async (t) => {
    const url = await serve(t, echo);
    const { body } = await new HttpTransport(undefined).send(url, {
      method,
      headers: {},
      body: "hé",
      signal: t.signal,
    });
    assert.equal(await text(body), `${method} 3 hé`);
  });

  test(`sends a stream of unknown length with ${method}`, async (t) => {
    const url = await serve(t, echo);
    const options = { method, headers: {}, body: Readable.from(["a", "b"]), signal: t.signal };
    const { body } = await new HttpTransport(undefined).send(url, options);
    assert.equal(await text(body), `${method} unknown ab`);
  });
}

test("lists the values of a header that the response repeats", async (t) => {
  const url = await serve(t, (_, response) => response.setHeader("X-Tag", ["a", "b"]).end());
  const { headers, body } = await new HttpTransport(undefined).send(url, {
    method: "GET",
    headers: {},
    signal: t.signal,
  });
  body.resume();
  assert.deepEqual(headers["x-tag"], ["a", "b"]);
});

test("uses a connection again", async (t) => {
  const ports = new Set<unknown>();
  const url = await serve(t, (request, response) => {
    ports.add(request.socket.remotePort);
    response.end();
  });
  const transport = new HttpTransport(undefined);
  for (let i = 0; i < 3; i++)
    await text((await transport.send(url, { method: "GET", headers: {}, signal: t.signal })).body);
  assert.equal(ports.size, 1);
});

test("returns a response that arrives before the whole body was sent", async (t) => {
  const url = await serve(t, (_, response) => response.writeHead(413).end("too large"));
  const endless = new Readable({ read: () => endless.push(Buffer.alloc(1024)) });
  const options = { method: "PUT", headers: {}, body: endless, signal: t.signal };
  const { statusCode, body } = await new HttpTransport(undefined).send(url, options);
  assert.equal(statusCode, 413);
  assert.equal(await text(body), "too large");
  body.destroy();
  endless.destroy();
});

test("rejects when the body cannot be read", async (t) => {
  const url = await serve(t, echo);
  const body = new Readable({ read: () => body.destroy(new Error("disk failed")) });
  const options = { method: "PUT", headers: {}, body, signal: t.signal };
  await assert.rejects(new HttpTransport(undefined).send(url, options), /disk failed/);
});
