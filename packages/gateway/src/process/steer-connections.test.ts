import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { test } from "node:test";
import { distributeConnections, steerConnections } from "./steer-connections.ts";

async function listenTogether(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen({ port, host: "127.0.0.1", reusePort: true });
  await once(server, "listening");
  return server;
}

test("connections are steered to a later socket, and distributed again afterwards", async () => {
  const first = await listenTogether(0);
  const { port } = first.address() as AddressInfo;
  const servers = [first, await listenTogether(port), await listenTogether(port)];
  const accepted = [0, 0, 0];
  for (const [index, server] of servers.entries())
    server.on("connection", () => {
      accepted[index] = (accepted[index] ?? 0) + 1;
    });
  const open = async () => {
    accepted.fill(0);
    const clients = Array.from({ length: 60 }, () => connect(port, "127.0.0.1").on("error", () => {}));
    await Promise.all(clients.map((client) => once(client, "close")));
    return accepted;
  };
  try {
    assert.equal(await steerConnections(first, 2), true);
    assert.deepEqual(await open(), [0, 0, 60]);
    assert.equal(await distributeConnections(servers[1] as Server), true);
    assert.ok(
      (await open()).every((count) => count > 0),
      String(accepted),
    );
  } finally {
    for (const server of servers) server.close();
  }
});
