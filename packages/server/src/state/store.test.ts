import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FaasError, type Revision, revisionId, withDefaults } from "@faas/core";
import { readState } from "./recovery.ts";
import { Store, type StoreOptions } from "./store.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const settings = withDefaults({});
const revision: Revision = {
  id: revisionId(artifact, settings),
  createdAt: new Date(0).toISOString(),
  artifact,
  settings,
};
const record = { createdAt: "", updatedAt: "", current: revision };

async function temporary(t: TestContext): Promise<{ folder: string; file: string }> {
  const folder = await mkdtemp(join(tmpdir(), "faas-store-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { folder, file: join(folder, "state.json") };
}
async function open(t: TestContext, folder: string, options?: StoreOptions): Promise<Store> {
  const store = await Store.open(folder, options);
  t.after(() => store.close());
  return store;
}

/** Organizations and endpoints, from the files. */
async function onDisk(file: string): Promise<Record<string, Record<string, object>>> {
  const { state } = await readState(file);
  return Object.fromEntries(Array.from(state.names(), (org) => [org, Object.fromEntries(state.endpoints(org) ?? [])]));
}

test("a change that is acknowledged is on disk, for this user alone, and the next store reads it", async (t) => {
  const { folder, file } = await temporary(t);
  const store = await open(t, folder);
  await store.changeEndpoint({ org: "acme", endpoint: "one" }, () => record);
  assert.deepEqual(await onDisk(file), { acme: { one: record } });
  for (const name of ["state.journal", "state.json"]) assert.equal((await stat(join(folder, name))).mode & 0o077, 0);
  assert.deepEqual((await open(t, folder)).endpoint({ org: "acme", endpoint: "one" }), record);
  assert.deepEqual((await readdir(folder)).sort(), ["state.journal", "state.json"]);
});

test("changes that come while one is written share the next write", async (t) => {
  const { folder, file } = await temporary(t);
  let asked = 0;
  const store = await open(t, folder, { assertLockHeld: async () => void asked++ });
  await store.putOrg("acme");
  asked = 0;
  const change = (i: number) => store.changeEndpoint({ org: "acme", endpoint: `e${i}` }, () => record);
  const first = change(0);
  await new Promise((done) => setImmediate(done));
  const changes = Array.from({ length: 200 }, (_, i) =>
    change(i).then(() => assert.ok(store.endpoint({ org: "acme", endpoint: `e${i}` }))),
  );
  await Promise.all([first, ...changes]);
  assert.equal(Object.keys((await onDisk(file)).acme ?? {}).length, 200);
  assert.ok(asked <= 4, `asked ${asked} times, twice for each write`);
});

test("changes of one record are made one after the other, each upon the last", async (t) => {
  const { folder } = await temporary(t);
  const store = await open(t, folder);
  const ref = { org: "acme", endpoint: "count" };
  const more = () => store.changeEndpoint(ref, (before) => ({ ...record, updatedAt: `${before?.updatedAt ?? ""}x` }));
  await Promise.all(Array.from({ length: 50 }, more));
  assert.equal(store.endpoint(ref)?.updatedAt, "x".repeat(50));
});

for (const [what, text] of [
  ["cut short", '{"version":1,"organizations":{"acme":'],
  ["empty", ""],
  ["zeros, as a disk leaves them after a crash", "\0".repeat(64)],
  ["of a later version", '{"version":3,"organizations":{}}'],
  ["without the number of its last change", '{"version":2,"id":"a","organizations":{}}'],
  ["something else", '"state"'],
  ["null", "null"],
  ["without organizations", '{"version":1}'],
  ["with organizations that are null", '{"version":1,"organizations":null}'],
  ["with organizations that are a list", '{"version":1,"organizations":[]}'],
  ["with an organization without endpoints", '{"version":1,"organizations":{"acme":{"createdAt":""}}}'],
  [
    "with an endpoint without a revision",
    '{"version":1,"organizations":{"acme":{"createdAt":"","endpoints":{"one":{}}}}}',
  ],
] as const) {
  test(`a state file that is ${what} is refused with the backup named, and left as it is`, async (t) => {
    const { folder, file } = await temporary(t);
    await writeFile(file, text);
    await writeFile(`${file}.backup`, "the former one");
    const failure = await Store.open(folder).then(
      () => assert.fail("it was accepted"),
      (error: unknown) => error,
    );
    assert.ok(failure instanceof FaasError);
    assert.equal(failure.code, "STATE_DAMAGED");
    assert.ok(failure.message.includes(file) && failure.message.includes(`${file}.backup`), failure.message);
    assert.equal(await readFile(file, "utf8"), text);
    assert.equal(await readFile(`${file}.backup`, "utf8"), "the former one");
  });
}

test("the backup is the state as it was when the server started", async (t) => {
  const { folder, file } = await temporary(t);
  await (await open(t, folder)).putOrg("first");
  const store = await open(t, folder);
  await store.putOrg("second");
  assert.deepEqual(Object.keys(await onDisk(file)), ["first", "second"]);
  for (const name of ["state.json", "state.journal"]) await rename(join(folder, `${name}.backup`), join(folder, name));
  assert.deepEqual(Object.keys(await onDisk(file)), ["first"]);
});

test("a file that a killed server was writing is not read, and goes away", async (t) => {
  const { folder, file } = await temporary(t);
  await (await open(t, folder)).putOrg("kept");
  for (const path of [`${file}.1.new`, join(folder, "state.journal.2.new")])
    await writeFile(path, '{"version":1,"organi');
  const store = await open(t, folder);
  assert.ok(store.org("kept"));
  assert.deepEqual((await readdir(folder)).sort(), ["state.journal", "state.json"]);
});

test("an organization is removed only when it has no endpoint when its turn comes", async (t) => {
  const { folder } = await temporary(t);
  const store = await open(t, folder);
  const ref = { org: "acme", endpoint: "one" };
  await store.putOrg("acme");
  await Promise.all([store.changeEndpoint(ref, () => record), store.removeEmptyOrg("acme")]);
  assert.ok(store.endpoint(ref));
  await Promise.all([store.changeEndpoint(ref, () => undefined), store.removeEmptyOrg("acme")]);
  assert.equal(store.org("acme"), undefined);
});

test("names that objects have by themselves are no organizations", async (t) => {
  const { folder } = await temporary(t);
  const store = await open(t, folder);
  for (const name of ["constructor", "toString", "hasOwnProperty"]) assert.equal(store.org(name), undefined);
  await store.changeEndpoint({ org: "constructor", endpoint: "valueof" }, () => record);
  assert.ok((await open(t, folder)).endpoint({ org: "constructor", endpoint: "valueof" }));
});

test("a write that fails changes nothing, and the next one succeeds", async (t) => {
  const { folder, file } = await temporary(t);
  const store = await open(t, folder);
  await store.putOrg("before");
  // No file may grow over 64 KiB: the kernel refuses the write in its middle (setrlimit(2)).
  const limit = (bytes: string) =>
    assert.equal(spawnSync("prlimit", [`--pid=${process.pid}`, `--fsize=${bytes}`]).status, 0);
  limit("65536:unlimited");
  t.after(() => limit("unlimited:unlimited"));
  const large = { ...record, updatedAt: "x".repeat(2 ** 17) };
  const failed = [1, 2].map((i) => store.changeEndpoint({ org: "acme", endpoint: `e${i}` }, () => large));
  for (const change of failed) await assert.rejects(change, { code: "STORAGE_FULL", status: 507 });
  assert.equal(store.org("acme"), undefined);
  assert.deepEqual(Object.keys(await onDisk(file)), ["before"]);
  assert.deepEqual((await readdir(folder)).sort(), ["state.journal", "state.json"]);
  await store.putOrg("after");
  assert.deepEqual(Object.keys(await onDisk(file)), ["before", "after"]);
});

test("a change whose maker throws is refused alone", async (t) => {
  const { folder, file } = await temporary(t);
  const store = await open(t, folder);
  const thrown = new Error("no");
  const refused = store.changeEndpoint({ org: "acme", endpoint: "one" }, () => {
    throw thrown;
  });
  await Promise.all([store.putOrg("other"), assert.rejects(refused, thrown)]);
  assert.deepEqual(await onDisk(file), { other: {} });
});

test("what an organization's endpoints are kept is the sum over them, whatever came and went, also after a restart", async (t) => {
  const { folder } = await temporary(t);
  let store = await Store.open(folder);
  const put = (endpoint: string, replicas: number | undefined, isCandidate = false) =>
    store.changeEndpoint({ org: "acme", endpoint }, (before) => {
      if (replicas === undefined) return undefined;
      const kept = { ...revision, settings: withDefaults({ replicas, cpu: "250m", memory: "64Mi" }) };
      return isCandidate && before ? { ...before, candidate: kept } : { ...record, current: kept };
    });
  await put("one", 2);
  await put("two", 0);
  await put("one", 5, true);
  await put("three", 1);
  await put("three", undefined);
  await put("four", 1);
  await put("four", 3);
  const expected = { endpoints: 3, replicas: 8, cpuMillis: 2000, memoryBytes: 512 * 2 ** 20 };
  assert.deepEqual(store.reserved("acme"), expected);
  await store.close();
  store = await Store.open(folder);
  assert.deepEqual(store.reserved("acme"), expected);
  await store.close();
});
