import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { startTestGateway } from "../../../gateway/src/testing/test-gateway.ts";
import { Autoscaler } from "./loop.ts";

test("an endpoint is not idle while a WebSocket is open, even if nothing is sent on it", async () => {
  await using gateway = await startTestGateway(() => () => {});
  const endpoint = await gateway.run({ idleTimeout: "1s" });
  const [replica] = gateway.platform.replicas({ org: "acme", endpoint: "x" });
  replica?.server.on("upgrade", (_, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.on("data", () => {}).on("end", () => socket.end());
  });
  const socket = gateway.connect();
  socket.write("GET /acme/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await once(socket, "data");
  let now = Date.now();
  using autoscaler = new Autoscaler({ registry: gateway.endpoints, now: () => now });
  const pass = (ms: number) => {
    for (const end = now + ms; now < end; now += 100) autoscaler.sample();
  };
  pass(60_000);
  assert.equal(endpoint.desired, 1);
  socket.end();
  await eventually("the WebSocket is closed", () => endpoint.inFlight === 0);
  pass(60_000);
  assert.equal(endpoint.desired, 0);
});
