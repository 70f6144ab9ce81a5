import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Revision, revisionId, withDefaults } from "@faas/core";
import { tempDir } from "@faas/testing";
import { readState } from "./recovery.ts";
import { Store } from "./store.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const settings = withDefaults({});
const current: Revision = { id: revisionId(artifact, settings), createdAt: "", artifact, settings };
const put = (store: Store, endpoint: string, text = "") =>
  store.changeEndpoint({ org: "acme", endpoint }, () => ({ createdAt: "", updatedAt: text, current }));

async function open(t: TestContext): Promise<{ store: Store; folder: string }> {
  const folder = tempDir("disk");
  const store = await Store.open(folder);
  t.after(() => store.close());
  return { store, folder };
}

/** Limits the size of files: beyond, the kernel rejects a write in the middle, as on a full disk (setrlimit(2)). */
function limitFiles(t: TestContext): (bytes: string) => void {
  const limit = (bytes: string) =>
    assert.equal(spawnSync("prlimit", [`--pid=${process.pid}`, `--fsize=${bytes}`]).status, 0);
  t.after(() => limit("unlimited:unlimited"));
  return limit;
}

const endpointsOnDisk = async (folder: string) => [
  ...((await readState(join(folder, "state.json"))).state.endpoints("acme")?.keys() ?? []),
];

test("a disk that is full in the middle of a write keeps nothing of it, and with space the next write succeeds", async (t) => {
  const { store, folder } = await open(t);
  await put(store, "before");
  const journal = join(folder, "state.journal");
  const before = await readFile(journal);
  const limit = limitFiles(t);
  // Each time the kernel accepts a little more of the line, and rejects the rest.
  for (const bytes of [0, 1, 100, 300]) {
    limit(`${before.length + bytes}:unlimited`);
    await assert.rejects(put(store, "rejected"), { code: "STORAGE_FULL" });
    assert.deepEqual(await readFile(journal), before);
  }
  limit("unlimited:unlimited");
  await put(store, "after");
  assert.deepEqual(await endpointsOnDisk(folder), ["before", "after"]);
});

test("a write that fails changes nothing for any change in it, and the next one succeeds", async (t) => {
  const { store, folder } = await open(t);
  await store.putOrg("before");
  limitFiles(t)("65536:unlimited");
  const failed = [1, 2].map((i) => put(store, `e${i}`, "x".repeat(2 ** 17)));
  for (const change of failed) await assert.rejects(change, { code: "STORAGE_FULL", status: 507 });
  assert.equal(store.org("acme"), undefined);
  assert.deepEqual((await readdir(folder)).sort(), ["state.journal", "state.json"]);
  await store.putOrg("after");
  const { state } = await readState(join(folder, "state.json"));
  assert.deepEqual([...state.names()], ["before", "after"]);
});
