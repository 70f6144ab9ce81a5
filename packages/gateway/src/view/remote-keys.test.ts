import assert from "node:assert/strict";
import { test } from "node:test";
import { newKey } from "@faas/core";
import { RemoteKeys } from "./remote-keys.ts";

function setUp() {
  const { id, token, hash } = newKey("invoke");
  const used: string[] = [];
  const state = { now: Date.parse("2026-01-01T00:00:00Z"), linked: true };
  const onUse = (each: string) => {
    if (state.linked) used.push(each);
    return state.linked;
  };
  const keys = new RemoteKeys(onUse, () => state.now);
  const record = { name: "ci", scope: "invoke", org: "acme", hash } as const;
  keys.put(id, record);
  const authenticate = () => keys.authenticate({ authorization: `Bearer ${token}` });
  return { id, keys, record, used, state, authenticate };
}

test("verifies a token by its hash", () => {
  const { id, keys, record, authenticate } = setUp();
  assert.deepEqual(authenticate(), { id, record });
  const forged = `Bearer ${newKey("invoke").token}`;
  assert.throws(() => keys.authenticate({ authorization: forged }), { code: "UNAUTHENTICATED" });
});

test("refuses a removed key, and ends what it opened", () => {
  const { id, keys, authenticate } = setUp();
  const signal = keys.signalOf(authenticate());
  keys.remove(id);
  assert.ok(signal.aborted);
  assert.throws(authenticate, { code: "UNAUTHENTICATED" });
});

test("refuses an expired key without the control server", () => {
  const { id, keys, record, state, authenticate } = setUp();
  keys.put(id, { ...record, expiresAt: "2026-01-01T01:00:00Z" });
  authenticate();
  state.now += 3_600_000;
  assert.throws(authenticate, { code: "UNAUTHENTICATED" });
});

test("reports the use of a key once an hour, as soon as it can", () => {
  const { id, used, state, authenticate } = setUp();
  state.linked = false;
  authenticate();
  state.linked = true;
  authenticate();
  authenticate();
  assert.deepEqual(used, [id]);
  state.now += 3_600_000;
  authenticate();
  assert.deepEqual(used, [id, id]);
});
