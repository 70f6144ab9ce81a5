import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { HttpClient } from "@faas/testing";
import { createHttpServer } from "../http/server.ts";
import { gatewayWithoutView } from "./gateway-without-view.ts";

test("a gateway that does not know the endpoints yet responds with CONTROL_SERVER_AWAY to calls and WebSockets", async () => {
  const server = createHttpServer((_, response) => response.end("control"), gatewayWithoutView());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  using client = new HttpClient(`http://127.0.0.1:${port}`);
  try {
    const { status, headers, json } = await client.send("POST", "/acme/x", { a: 1 });
    assert.deepEqual(
      [status, headers["retry-after"], json<{ code: string }>().code],
      [503, "1", "CONTROL_SERVER_AWAY"],
    );
    assert.equal((await client.send("GET", "/-/healthz")).text, "control");
    const socket = connect(port, "127.0.0.1").setEncoding("latin1");
    socket.write("GET /acme/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert.match((await socket.toArray()).join(""), /^HTTP\/1\.1 503 .*CONTROL_SERVER_AWAY/s);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
