import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { eventually, tempDir } from "@faas/testing";
import { startTestGateway } from "../../../gateway/src/testing/test-gateway.ts";
import { Store } from "../state/store.ts";
import { KeyService } from "./key-service.ts";

test("closes a WebSocket when the key that opened it is revoked or expires; others stay open", async (t) => {
  const store = await Store.open(tempDir("keys"));
  t.after(() => store.close());
  const keys = new KeyService({ store });
  await using gateway = await startTestGateway(() => () => {}, { keys });
  await gateway.run();
  const [replica] = gateway.platform.replicas({ org: "acme", endpoint: "x" });
  replica?.server.on("upgrade", (_, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.on("data", (data) => socket.write(data));
    socket.on("end", () => socket.end());
    socket.on("error", () => {});
  });
  const open = async (token: string) => {
    const socket = gateway.connect();
    socket.on("error", () => {});
    socket.write(
      `GET /acme/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    const [first] = await once(socket, "data");
    const state = { socket, first: String(first), closed: false };
    socket.on("close", () => {
      state.closed = true;
    });
    return state;
  };
  const revoked = await keys.create({ scope: "admin" });
  const short = await keys.create({ scope: "admin", expires: "1s" });
  const good = await keys.create({ scope: "admin" });
  const [first, second, third] = [await open(revoked.token), await open(short.token), await open(good.token)];
  for (const { first: head } of [first, second, third]) assert.match(head, /^HTTP\/1\.1 101 /);
  assert.equal(gateway.endpoints.get("acme/x")?.inFlight, 3);
  await keys.revoke(undefined, revoked.id);
  await eventually("the WebSocket of the revoked key is closed", () => first.closed);
  await eventually("the WebSocket of the expired key is closed", () => second.closed);
  await eventually("their slots are free", () => gateway.endpoints.get("acme/x")?.inFlight === 1);
  third.socket.write("ping");
  const [echo] = await once(third.socket, "data");
  assert.equal(String(echo), "ping");
  const again = await open(revoked.token);
  assert.match(again.first, /^HTTP\/1\.1 401 /);
  for (const { socket } of [third, again]) socket.destroy();
});

test("responds alike at the host of a private endpoint and of a missing one", async (t) => {
  const store = await Store.open(tempDir("keys"));
  t.after(() => store.close());
  const keys = new KeyService({ store });
  await using gateway = await startTestGateway(() => (_, response) => void response.end("called"), { keys });
  await gateway.run();
  await store.putOrg("acme");
  await store.putOrg("other");
  const own = await keys.create({ scope: "invoke", org: "acme" });
  const foreign = await keys.create({ scope: "invoke", org: "other" });
  const call = async (host: string, token?: string) => {
    const headers = { Host: `${host}.acme.localhost`, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const { status, text } = await gateway.call("/-/healthz", { headers });
    return [status, text.replace(/"requestId":"[^"]*"/, "")];
  };
  assert.deepEqual(await call("missing"), await call("x"));
  assert.equal((await call("x"))[0], 401);
  assert.deepEqual(await call("missing", foreign.token), await call("x", foreign.token));
  assert.equal((await call("x", foreign.token))[0], 404);
  assert.deepEqual(await call("x", own.token), [200, "called"]);
  assert.equal((await call("missing", own.token))[0], 404);
});
