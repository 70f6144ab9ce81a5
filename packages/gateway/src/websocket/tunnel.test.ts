import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { startTestGateway, type TestGateway } from "../testing/test-gateway.ts";

const ANSWER = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const text = (payload: string) => Buffer.concat([Buffer.from([0x81, payload.length]), Buffer.from(payload)]);
const RESTART = Buffer.concat([Buffer.from([0x88, 17, 0x03, 0xf4]), Buffer.from("service restart")]);
/** Close frame of a client, whose mask is zero. */
const CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

/** A WebSocket through the gateway: the client's side, and the replica's. */
async function open(gateway: TestGateway, path = "/acme/x", upgrade = "websocket") {
  const [replica] = gateway.platform.replicas({ org: "acme", endpoint: "x" }).slice(-1);
  const upgraded = Promise.withResolvers<{ head: string; server: Duplex }>();
  replica?.server.once("upgrade", (request, server) => {
    server.on("error", () => {}).on("end", () => server.end());
    server.write(ANSWER);
    upgraded.resolve({ head: JSON.stringify([request.url, request.headers]), server });
  });
  const socket = gateway.connect();
  socket.on("error", () => {});
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\nX-Request-Id: r-1\r\n\r\n`,
  );
  const [first] = await once(socket, "data");
  const { head, server } = await upgraded.promise;
  const client = { received: Buffer.alloc(0), ended: false };
  socket.on("data", (data) => {
    client.received = Buffer.concat([client.received, data]);
  });
  socket.on("end", () => {
    client.ended = true;
  });
  return { answer: String(first), head, server, socket, client };
}

test("opens a WebSocket, with the request id in the 101, and passes bytes both ways", async () => {
  await using gateway = await startTestGateway(() => () => {});
  await gateway.run();
  const { answer, head, server, socket, client } = await open(gateway, "/acme/x/chat?a", "h2c, WebSocket");
  assert.match(answer, /^HTTP\/1\.1 101 [\s\S]*\r\nUpgrade: websocket\r\n[\s\S]*X-Request-Id: r-1\r\n/);
  const [url, headers] = JSON.parse(head);
  assert.deepEqual([url, headers.upgrade, headers["x-forwarded-prefix"]], ["/chat?a", "websocket", "/acme/x"]);
  server.write(text("hello"));
  await eventually("the frame of the replica arrives", () => client.received.equals(text("hello")));
  socket.write(CLOSE);
  const [data] = await once(server, "data");
  assert.deepEqual(data, CLOSE);
  socket.end();
});

test("ends a WebSocket with 1012 when the drained replica's process ends", async () => {
  await using gateway = await startTestGateway(() => () => {});
  const endpoint = await gateway.run();
  const { server, client, socket } = await open(gateway);
  server.write(text("one"));
  await gateway.run({ env: { A: "b" } }, "two");
  await eventually("the first replica drains", () => endpoint.replicas.every(({ revision }) => revision === "two"));
  // The client may use the WebSocket until then.
  server.write(text("two"));
  await eventually("frames arrive", () => client.received.equals(Buffer.concat([text("one"), text("two")])));
  assert.equal(endpoint.inFlight, 1);
  server.destroy();
  await eventually("the client's connection ends", () => client.ended);
  assert.deepEqual(client.received, Buffer.concat([text("one"), text("two"), RESTART]));
  await eventually("its slot is free", () => endpoint.inFlight === 0);
  socket.end(CLOSE);
});

test("ends no frame early: a WebSocket that ends inside of one is dropped", async () => {
  await using gateway = await startTestGateway(() => () => {});
  const endpoint = await gateway.run();
  const { server, client } = await open(gateway);
  server.write(text("incomplete").subarray(0, 5));
  await eventually("the bytes arrive", () => client.received.length === 5);
  endpoint.observe(undefined);
  server.destroy();
  await eventually("the client's connection ends", () => client.ended);
  assert.equal(client.received.length, 5);
});

test("passes on the Close frame of the function, and adds none", async () => {
  await using gateway = await startTestGateway(() => () => {});
  const endpoint = await gateway.run();
  const { server, client } = await open(gateway);
  endpoint.observe(undefined);
  const close = Buffer.from([0x88, 2, 0x03, 0xe9]);
  server.end(close);
  await eventually("the client's connection ends", () => client.ended);
  assert.deepEqual(client.received, close);
});

test("drops a WebSocket whose replica was lost: the client reports 1006", async () => {
  await using gateway = await startTestGateway(() => () => {});
  const endpoint = await gateway.run();
  const { id = "", revision = "" } = endpoint.replicas[0] ?? {};
  const lost = { id, revision, code: "REPLICA_EXITED", detail: "", lastLogLines: [] } as const;
  for (const isReported of [false, true]) {
    const { server, client } = await open(gateway);
    if (isReported) endpoint.observe({ org: "acme", endpoint: "x", revision, replicas: [], ended: [lost] });
    server.destroy();
    await eventually("the client's connection ends", () => client.ended);
    assert.equal(client.received.length, 0);
  }
});

test("ends all WebSockets with 1012 when the server stops, after the frame that is being sent", async () => {
  const ending = new AbortController();
  await using gateway = await startTestGateway(() => () => {}, { ending: ending.signal });
  await gateway.run();
  const [quiet, busy] = [await open(gateway), await open(gateway)];
  busy.server.write(text("two parts").subarray(0, 4));
  await eventually("the first part arrives", () => busy.client.received.length === 4);
  // The answer of the client reaches the function.
  quiet.socket.on("data", () => quiet.socket.write(CLOSE));
  const answer = once(quiet.server, "data");
  ending.abort();
  await eventually("the quiet one ends", () => quiet.client.ended);
  assert.deepEqual(quiet.client.received, RESTART);
  assert.ok(!busy.client.ended);
  busy.server.write(text("two parts").subarray(4));
  await eventually("the busy one ends", () => busy.client.ended);
  assert.deepEqual(busy.client.received, Buffer.concat([text("two parts"), RESTART]));
  assert.deepEqual((await answer)[0], CLOSE);
  busy.socket.destroy();
});
