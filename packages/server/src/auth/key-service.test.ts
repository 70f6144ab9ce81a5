import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isLoopback } from "@faas/core";
import { tempDir } from "@faas/testing";
import { Store } from "../state/store.ts";
import { KeyService } from "./key-service.ts";

/** Opens a key service with a clock that the test moves. */
async function keysAt(t: TestContext, fixed?: { id: string; hash: string }) {
  const store = await Store.open(tempDir("keys"));
  t.after(() => store.close());
  await store.putOrg("acme");
  const clock = { ms: Date.parse("2026-01-01T00:00:00Z") };
  const keys = new KeyService({ store, now: () => clock.ms, ...(fixed ? { fixed } : {}) });
  return { store, keys, clock };
}

test("a key is valid until it expires or is revoked", async (t) => {
  const { keys, clock } = await keysAt(t);
  const short = await keys.create({ scope: "deploy", org: "acme", expires: "90d" });
  const long = await keys.create({ scope: "read", org: "acme", name: "ci" });
  assert.equal(keys.find(short.token)?.id, short.id);
  clock.ms += 90 * 86_400_000 - 1;
  assert.equal(keys.find(short.token)?.id, short.id);
  clock.ms += 1;
  assert.equal(keys.find(short.token), undefined);
  assert.equal(keys.find(long.token)?.record.name, "ci");
  await keys.revoke("acme", long.id);
  assert.equal(keys.find(long.token), undefined);
  await assert.rejects(keys.revoke("acme", long.id), { code: "KEY_NOT_FOUND" });
});

test("rejects the id of one key with the secret of another", async (t) => {
  const { keys } = await keysAt(t);
  const [one, two] = [await keys.create({ scope: "admin" }), await keys.create({ scope: "read", org: "acme" })];
  assert.equal(keys.find(two.token.replace(two.id, one.id)), undefined);
  assert.equal(keys.find(two.token.replace("_read_", "_admin_")), undefined);
});

test("revokes a key only through its own organization", async (t) => {
  const { keys, store } = await keysAt(t);
  await store.putOrg("globex");
  const key = await keys.create({ scope: "read", org: "acme" });
  for (const org of ["globex", undefined]) await assert.rejects(keys.revoke(org, key.id), { code: "KEY_NOT_FOUND" });
  assert.ok(keys.find(key.token));
});

test("lists the last use of a key, and writes it at most once an hour", async (t) => {
  const { keys, store, clock } = await keysAt(t);
  const { id, token } = await keys.create({ scope: "read", org: "acme" });
  let writes = 0;
  const change = store.changeKey.bind(store);
  store.changeKey = (...args) => {
    writes++;
    return change(...args);
  };
  assert.equal(keys.list("acme")[0]?.lastUsedAt, undefined);
  for (let i = 0; i < 1000; i++) {
    keys.find(token);
    clock.ms += 4_000;
  }
  assert.equal(writes, 2);
  assert.equal(keys.list("acme")[0]?.lastUsedAt, "2026-01-01T01:00:00.000Z");
  await store.putOrg("acme");
  assert.equal(store.keys().get(id)?.lastUsedAt, "2026-01-01T01:00:00.000Z");
});

test("removes the keys of an organization with it; a new one under the name has none", async (t) => {
  const { keys, store } = await keysAt(t);
  const { token } = await keys.create({ scope: "deploy", org: "acme" });
  await store.removeEmptyOrg("acme");
  await store.putOrg("acme");
  assert.equal(keys.find(token), undefined);
  assert.deepEqual(keys.list("acme"), []);
  await assert.rejects(keys.create({ scope: "deploy", org: "gone" }), { code: "ORG_NOT_FOUND" });
});

test("reads keys from the snapshot and from the journal, and rejects a damaged one", async () => {
  const dataDir = tempDir("keys");
  const tokens: string[] = [];
  // The first change of each server writes a snapshot of the state before, and goes into a new journal.
  for (let start = 0; start < 3; start++) {
    const store = await Store.open(dataDir);
    const keys = new KeyService({ store });
    for (const token of tokens) assert.ok(keys.find(token), `start ${start}`);
    tokens.push((await keys.create({ scope: "admin", name: `of start ${start}` })).token);
    await store.close();
  }
  const file = join(dataDir, "state.json");
  const text = await readFile(file, "utf8");
  assert.match(text, /of start 1/);
  await writeFile(file, text.replace('"scope":"admin"', '"scope":"root"'));
  await assert.rejects(Store.open(dataDir), { code: "STATE_DAMAGED" });
});

test("loopback addresses are recognized, where no keys are required", () => {
  for (const host of ["127.0.0.1", "localhost", "::1", "127.1.2.3"]) assert.ok(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "192.168.1.2", "127.0.0.1.example.com", "localhost.example.com", ""])
    assert.ok(!isLoopback(host), host);
});
