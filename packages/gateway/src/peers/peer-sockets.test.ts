import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, tempDir } from "@faas/testing";
import { SYSTEM_CLOCK } from "../protocol/link.ts";
import { PeerGroup } from "./peer-group.ts";
import { listenForPeers, socketTransport } from "./peer-sockets.ts";

/** Creates a gateway that shares nothing yet. */
function group(name: string, address: string, warnings: string[], token?: string): PeerGroup {
  return new PeerGroup({
    name,
    address,
    ...(token === undefined ? {} : { token }),
    transport: socketTransport,
    clock: SYSTEM_CLOCK,
    defer: setImmediate,
    random: Math.random,
    orgOf: () => undefined,
    log: { info() {}, warn: (fields) => warnings.push(JSON.stringify(fields)) },
  });
}

test("gateways connect over TCP if they have the same token", async () => {
  const warnings: string[] = [];
  await using stack = new AsyncDisposableStack();
  const accepting: { group?: PeerGroup } = {};
  const listener = stack.use(
    await listenForPeers("127.0.0.1:0", (connection) => (accepting.group as PeerGroup).accept(connection)),
  );
  const second = group("b", listener.address, warnings, "secret");
  accepting.group = second;
  const first = group("a", "", warnings, "secret");
  const intruder = group("0", "", warnings, "guessed");
  for (const each of [first, second, intruder]) stack.defer(() => each.stop());
  second.setContacts([]);
  intruder.setContacts([{ name: "b", address: listener.address }]);
  await eventually("the intruder is refused", () => warnings.some((line) => line.includes("another token")));
  first.setContacts([{ name: "b", address: listener.address }]);
  await eventually("both have joined", () => first.joined && second.joined);
  assert.deepEqual(
    second.peers.map(({ name, connected }) => [name, connected]),
    [["a", true]],
  );
});

test("a Unix socket can be opened only by its user, and replaces the one of a process that was killed", async () => {
  const path = join(tempDir("peers"), "gateway.sock");
  writeFileSync(path, "");
  await using listener = await listenForPeers(`unix:${path}`, () => ({ onText() {}, onClose() {} }));
  assert.equal(listener.address, `unix:${path}`);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});
