import assert from "node:assert/strict";
import { readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FaasError, type Revision, revisionId, withDefaults } from "@faas/core";
import { tempDir } from "@faas/testing";
import { withServing, withTarget } from "./records.ts";
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

function temporary(): { folder: string; file: string } {
  const folder = tempDir("store");
  return { folder, file: join(folder, "state.json") };
}
async function open(t: TestContext, folder: string, options?: StoreOptions): Promise<Store> {
  const store = await Store.open(folder, options);
  t.after(() => store.close());
  return store;
}

/** Reads organizations and endpoints from the files. */
async function onDisk(file: string): Promise<Record<string, Record<string, object>>> {
  const { state } = await readState(file);
  return Object.fromEntries(Array.from(state.names(), (org) => [org, Object.fromEntries(state.endpoints(org) ?? [])]));
}

test("an acknowledged change is on disk, readable by this user only, and the next store reads it", async (t) => {
  const { folder, file } = temporary();
  const store = await open(t, folder);
  await store.changeEndpoint({ org: "acme", endpoint: "one" }, () => record);
  assert.deepEqual(await onDisk(file), { acme: { one: record } });
  for (const name of ["state.journal", "state.json"]) assert.equal((await stat(join(folder, name))).mode & 0o077, 0);
  assert.deepEqual((await open(t, folder)).endpoint({ org: "acme", endpoint: "one" }), record);
  assert.deepEqual((await readdir(folder)).sort(), ["state.journal", "state.json"]);
});

test("changes that arrive during a write share the next one", async (t) => {
  const { folder, file } = temporary();
  let checks = 0;
  const store = await open(t, folder, { assertLockHeld: async () => void checks++ });
  await store.putOrg("acme");
  checks = 0;
  const change = (i: number) => store.changeEndpoint({ org: "acme", endpoint: `e${i}` }, () => record);
  const first = change(0);
  await new Promise((done) => setImmediate(done));
  const changes = Array.from({ length: 200 }, (_, i) =>
    change(i).then(() => assert.ok(store.endpoint({ org: "acme", endpoint: `e${i}` }))),
  );
  await Promise.all([first, ...changes]);
  assert.equal(Object.keys((await onDisk(file)).acme ?? {}).length, 200);
  assert.ok(checks <= 4, `${checks} checks of the lock, two for each write`);
});

test("changes of one record are applied in order, each on top of the previous one", async (t) => {
  const { folder } = temporary();
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
  ["of another type", '"state"'],
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
  test(`rejects a state file that is ${what}, names the backup, and leaves it as it is`, async () => {
    const { folder, file } = temporary();
    await writeFile(file, text);
    await writeFile(`${file}.backup`, "previous");
    const failure = await Store.open(folder).then(
      () => assert.fail("it was accepted"),
      (error: unknown) => error,
    );
    assert.ok(failure instanceof FaasError);
    assert.equal(failure.code, "STATE_DAMAGED");
    assert.ok(failure.message.includes(file) && failure.message.includes(`${file}.backup`), failure.message);
    assert.equal(await readFile(file, "utf8"), text);
    assert.equal(await readFile(`${file}.backup`, "utf8"), "previous");
  });
}

test("the backup is the state at the start of the server", async (t) => {
  const { folder, file } = temporary();
  await (await open(t, folder)).putOrg("first");
  const store = await open(t, folder);
  await store.putOrg("second");
  assert.deepEqual(Object.keys(await onDisk(file)), ["first", "second"]);
  for (const name of ["state.json", "state.journal"]) await rename(join(folder, `${name}.backup`), join(folder, name));
  assert.deepEqual(Object.keys(await onDisk(file)), ["first"]);
});

test("removes files that a killed server was writing, without reading them", async (t) => {
  const { folder, file } = temporary();
  await (await open(t, folder)).putOrg("kept");
  for (const path of [`${file}.1.new`, join(folder, "state.journal.2.new")])
    await writeFile(path, '{"version":1,"organi');
  const store = await open(t, folder);
  assert.ok(store.org("kept"));
  assert.deepEqual((await readdir(folder)).sort(), ["state.journal", "state.json"]);
});

test("removes an organization only if it has no endpoint when the change is made", async (t) => {
  const { folder } = temporary();
  const store = await open(t, folder);
  const ref = { org: "acme", endpoint: "one" };
  await store.putOrg("acme");
  await Promise.all([store.changeEndpoint(ref, () => record), store.removeEmptyOrg("acme")]);
  assert.ok(store.endpoint(ref));
  await Promise.all([store.changeEndpoint(ref, () => undefined), store.removeEmptyOrg("acme")]);
  assert.equal(store.org("acme"), undefined);
});

test("names of object properties are not organizations", async (t) => {
  const { folder } = temporary();
  const store = await open(t, folder);
  for (const name of ["constructor", "toString", "hasOwnProperty"]) assert.equal(store.org(name), undefined);
  await store.changeEndpoint({ org: "constructor", endpoint: "valueof" }, () => record);
  assert.ok((await open(t, folder)).endpoint({ org: "constructor", endpoint: "valueof" }));
});

test("a change whose function throws is rejected, and others in the same write are not", async (t) => {
  const { folder, file } = temporary();
  const store = await open(t, folder);
  const thrown = new Error("no");
  const rejected = store.changeEndpoint({ org: "acme", endpoint: "one" }, () => {
    throw thrown;
  });
  await Promise.all([store.putOrg("other"), assert.rejects(rejected, thrown)]);
  assert.deepEqual(await onDisk(file), { other: {} });
});

test("the reserved resources and bundles of an organization are those of its endpoints after any changes, also after a restart", async () => {
  const { folder } = temporary();
  let store = await Store.open(folder);
  const put = (endpoint: string, replicas: number | undefined, isCandidate = false) =>
    store.changeEndpoint({ org: "acme", endpoint }, (before) => {
      if (replicas === undefined) return undefined;
      const changed = { ...revision, settings: withDefaults({ replicas, cpu: "250m", memory: "64Mi" }) };
      return isCandidate && before ? { ...before, candidate: changed } : { ...record, current: changed };
    });
  await put("one", 2);
  await put("two", 0);
  await put("one", 5, true);
  await put("three", 1);
  await put("three", undefined);
  await put("four", 1);
  await put("four", 3);
  const expected = { endpoints: 3, replicas: 8, cpuMillis: 2000, memoryBytes: 512 * 2 ** 20, diskBytes: 8 * 2 ** 30 };
  // Three endpoints, one of them with a candidate.
  const bundles = new Map([[artifact.digest, 4]]);
  assert.deepEqual([store.reserved("acme"), store.bundles("acme")], [expected, bundles]);
  await store.close();
  store = await Store.open(folder);
  assert.deepEqual([store.reserved("acme"), store.bundles("acme")], [expected, bundles]);
  for (const endpoint of ["one", "two", "four"]) await put(endpoint, undefined);
  assert.equal(store.bundles("acme").size, 0);
  await store.close();
});

test("a lower limit of kept revisions drops the oldest ones and their bundles", async (t) => {
  const store = await open(t, temporary().folder);
  const ref = { org: "acme", endpoint: "x" };
  const digestOf = (i: number) => `sha256:${String(i).padStart(64, "0")}`;
  const makeServe = (i: number) => {
    const next = { ...revision, id: `r${i}`, artifact: { kind: "bundle", digest: digestOf(i) } as const };
    return store.changeEndpoint(ref, (before) => withServing(withTarget(before, next, ""), next, `t${i}`));
  };
  for (let i = 0; i < 25; i++) await makeServe(i);
  assert.equal(store.bundles("acme").size, 20);
  assert.ok(!store.bundles("acme").has(digestOf(4)));
  await store.putOrg("acme", { revisions: 3 });
  assert.deepEqual([...store.bundles("acme").keys()].sort(), [22, 23, 24].map(digestOf));
  await makeServe(25);
  assert.deepEqual([...store.bundles("acme").keys()].sort(), [23, 24, 25].map(digestOf));
});
