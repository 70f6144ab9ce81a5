import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { Replica } from "@faas/core";
import { eventually, tempDir } from "@faas/testing";
import { ReplicaBridges } from "./replica-bridge.ts";

/** A replica that echoes, and that only the returned function can connect to. */
async function startReplica() {
  const server = createServer((socket) => void socket.pipe(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const open = async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  };
  const replica: Replica = { id: "1", address: "private:1", ready: true, revision: "r", connect: open };
  return { replica, [Symbol.dispose]: () => void server.close() };
}

test("another process reaches a replica that only this one can connect to", async () => {
  using started = await startReplica();
  const { replica } = started;
  const folder = tempDir("bridges");
  const listening = Promise.withResolvers<void>();
  const bridges = new ReplicaBridges(folder, () => [replica], listening.resolve);
  assert.equal(bridges.addressOf(replica), undefined);
  await listening.promise;
  const address = bridges.addressOf(replica) ?? "";
  const client = connect(address.replace(/^unix:/, ""));
  client.end("through");
  assert.equal(await text(client), "through");
  bridges[Symbol.dispose]();
  await eventually("its socket is removed", async () => (await readdir(folder)).length === 0);
});

test("a replica that everyone can reach keeps its address", () => {
  const bridges = new ReplicaBridges(
    tempDir("bridges"),
    () => [],
    () => {},
  );
  assert.equal(bridges.addressOf({ id: "1", address: "10.0.0.1:8080", ready: true, revision: "r" }), "10.0.0.1:8080");
});

test("a client of a replica that is gone is disconnected", async () => {
  const replica: Replica = {
    ...{ id: "1", address: "private:1", ready: true, revision: "r" },
    connect: () => Promise.reject(new Error("gone")),
  };
  const listening = Promise.withResolvers<void>();
  using bridges = new ReplicaBridges(tempDir("bridges"), () => [replica], listening.resolve);
  bridges.addressOf(replica);
  await listening.promise;
  const client = connect((bridges.addressOf(replica) ?? "").replace(/^unix:/, ""));
  assert.equal(await text(client), "");
});
