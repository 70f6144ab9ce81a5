import assert from "node:assert/strict";
import { test } from "node:test";
import { revisionId, withDefaults } from "@faas/core";
import { tempDir } from "@faas/testing";
import type { EndpointRecord } from "./records.ts";
import { Store } from "./store.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const x = { org: "acme", endpoint: "x" };
const y = { org: "acme", endpoint: "y" };

function revision(hostnames: readonly string[]) {
  const settings = withDefaults({ hostnames });
  return { id: revisionId(artifact, settings), createdAt: "", artifact, settings };
}

/** Makes a record whose serving revision, and the one that is being deployed, have hostnames. */
const record = (current: readonly string[], candidate?: readonly string[]): EndpointRecord => ({
  createdAt: "",
  updatedAt: "",
  current: revision(current),
  ...(candidate ? { candidate: revision(candidate) } : {}),
});

test("an endpoint owns the hostnames of its serving revision and of the one that is being deployed", async (t) => {
  const store = await Store.open(tempDir("hostnames"));
  t.after(() => store.close());
  await store.changeEndpoint(x, () => record(["a.example"], ["b.example"]));
  assert.deepEqual(
    ["a.example", "b.example"].map((name) => store.addressOwner(name)),
    [x, x],
  );
  await store.changeEndpoint(x, () => record(["b.example"]));
  assert.deepEqual(
    ["a.example", "b.example"].map((name) => store.addressOwner(name)),
    [undefined, x],
  );
  await store.changeEndpoint(x, () => undefined);
  assert.equal(store.addressOwner("b.example"), undefined);
});

test("a change sees the owners after the changes before it, also those that are written with it", async (t) => {
  const store = await Store.open(tempDir("hostnames"));
  t.after(() => store.close());
  await store.changeEndpoint(x, () => record(["a.example"]));
  const seen: unknown[] = [];
  await Promise.all([
    store.changeEndpoint(x, () => record(["b.example"])),
    store.changeEndpoint(y, (_, __, ownerOf) => {
      seen.push(ownerOf("a.example"), ownerOf("b.example"));
      return record(["a.example"]);
    }),
    store.changeEndpoint(x, (before, _, ownerOf) => {
      seen.push(ownerOf("a.example"), ownerOf("b.example"));
      return before;
    }),
  ]);
  assert.deepEqual(seen, [undefined, x, y, x]);
});

test("the owners are known after a restart, from the journal and from the snapshot", async () => {
  const folder = tempDir("hostnames");
  for (let restart = 0; restart < 3; restart++) {
    const store = await Store.open(folder);
    if (restart === 0) await store.changeEndpoint(x, () => record(["a.example"]));
    assert.deepEqual(store.addressOwner("a.example"), x);
    await store.close();
  }
});

test("paths of webhooks have owners, and subscriptions are those of serving revisions, also after a restart", async () => {
  const folder = tempDir("hooks");
  const settings = withDefaults({
    hooks: [{ name: "code", provider: "github", secret: "S" }],
    subscriptions: [{ type: "a.*" }],
  });
  const current = { id: revisionId(artifact, settings), createdAt: "", artifact, settings };
  for (let restart = 0; restart < 3; restart++) {
    const store = await Store.open(folder);
    if (restart === 0) {
      await store.changeEndpoint(x, () => ({
        createdAt: "",
        updatedAt: "",
        current: revision([]),
        candidate: current,
      }));
      assert.equal(store.subscriptions("acme").size, 0);
      assert.deepEqual(store.addressOwner("/-/hooks/acme/code"), x);
      await store.changeEndpoint(x, () => ({ createdAt: "", updatedAt: "", current }));
    }
    assert.deepEqual(store.addressOwner("/-/hooks/acme/code"), x);
    assert.equal(store.addressOwner("/-/hooks/other/code"), undefined);
    assert.deepEqual([...store.subscriptions("acme")], [["x", [{ type: "a.*" }]]]);
    if (restart === 2) {
      await store.changeEndpoint(x, () => undefined);
      assert.deepEqual([store.addressOwner("/-/hooks/acme/code"), store.subscriptions("acme").size], [undefined, 0]);
    }
    await store.close();
  }
});
