import assert from "node:assert/strict";
import { copyFile, mkdir, open as openFile, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Revision, revisionId, withDefaults } from "@faas/core";
import { eventually, tempDir } from "@faas/testing";
import fc from "fast-check";
import type { EndpointRecord } from "./records.ts";
import { readState } from "./recovery.ts";
import { Store, type StoreOptions } from "./store.ts";

// Contents of `state.journal`, damage, and compaction.

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const settings = withDefaults({});
const current: Revision = { id: revisionId(artifact, settings), createdAt: "", artifact, settings };
const record = (updatedAt: string): EndpointRecord => ({ createdAt: "", updatedAt, current });

const temporary = () => tempDir("journal");

async function open(t: TestContext, folder: string, options?: StoreOptions): Promise<Store> {
  const store = await Store.open(folder, options);
  t.after(() => store.close());
  return store;
}

const put = (store: Store, endpoint: string, text = "") =>
  store.changeEndpoint({ org: "acme", endpoint }, () => record(text));
const journalOf = (folder: string) => join(folder, "state.journal");
const onDisk = async (folder: string) => (await readState(join(folder, "state.json"))).state;
const names = async (folder: string) => [...((await onDisk(folder)).endpoints("acme")?.keys() ?? [])];

/** Returns the contents of a store, to compare them. */
const everything = (store: Store) =>
  Array.from(store.orgs(), (name) => {
    const { endpoints, ...fields } = store.org(name) ?? assert.fail();
    return [name, fields, [...endpoints].toSorted(([a], [b]) => (a < b ? -1 : 1))];
  }).toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1));

async function copyOf(folder: string): Promise<string> {
  const copy = temporary();
  for (const name of ["state.journal", "state.json"]) await copyFile(join(folder, name), join(copy, name));
  return copy;
}

test("ignores a write that was cut short at any byte, and continues after the one before", async (t) => {
  const folder = temporary();
  const store = await open(t, folder);
  await put(store, "one");
  const { size: before } = await stat(journalOf(folder));
  await put(store, "two");
  const whole = await readFile(journalOf(folder));
  for (let length = before; length < whole.length; length++) {
    // Parts of a longer file that did not reach the disk are read as zeros.
    for (const zeros of [0, 1, whole.length - length]) {
      const cut = Buffer.concat([whole.subarray(0, length), Buffer.alloc(zeros)]);
      await writeFile(journalOf(folder), cut);
      // Only its line end is missing: it may count or not, because it was never acknowledged.
      const expected = length === whole.length - 1 && zeros === 0 ? ["one", "two"] : ["one"];
      assert.deepEqual(await names(folder), expected, `${length} of ${whole.length} bytes and ${zeros} zeros`);
    }
  }
  await truncate(journalOf(folder), whole.length - 20);
  await put(await open(t, folder), "three");
  assert.deepEqual(await names(folder), ["one", "three"]);
});

test("takes zeros in the middle of the last write for a write that was cut short", async (t) => {
  const folder = temporary();
  const store = await open(t, folder);
  await put(store, "one");
  const { size } = await stat(journalOf(folder));
  await put(store, "two");
  const bytes = await readFile(journalOf(folder));
  await writeFile(journalOf(folder), bytes.fill(0, size + 10, size + 50));
  assert.deepEqual(await names(folder), ["one"]);
});

test("rejects a journal with any modified byte, names its backup, and leaves it as it is", async (t) => {
  const folder = temporary();
  const store = await open(t, folder);
  for (const name of ["one", "two"]) await put(store, name);
  const whole = await readFile(journalOf(folder));
  for (let at = 0; at < whole.length - 1; at += 3) {
    const damaged = Buffer.from(whole);
    damaged[at] = (whole[at] as number) ^ 4;
    await writeFile(journalOf(folder), damaged);
    await assert.rejects(Store.open(folder), (error: Error & { code: string }) => {
      assert.equal(error.code, "STATE_DAMAGED");
      for (const name of ["state.journal", "state.json.backup", "state.journal.backup"])
        assert.ok(error.message.includes(join(folder, name)), error.message);
      return true;
    });
    assert.deepEqual(await readFile(journalOf(folder)), damaged);
  }
});

for (const [what, damage] of [
  ["a missing line", (lines: string[]) => lines.toSpliced(2, 1)],
  ["a duplicate line", (lines: string[]) => lines.toSpliced(2, 0, lines[2] as string)],
  ["a missing first line", (lines: string[]) => lines.slice(1)],
  ["no content", () => []],
  ["an empty line in the middle", (lines: string[]) => lines.toSpliced(2, 0, "\n")],
] as const) {
  test(`rejects a journal with ${what}`, async (t) => {
    const folder = temporary();
    const store = await open(t, folder);
    for (const name of ["one", "two", "three"]) await put(store, name);
    const lines = (await readFile(journalOf(folder), "utf8")).split(/(?<=\n)/);
    assert.equal(lines.length, 4);
    await writeFile(journalOf(folder), damage(lines).join(""));
    await assert.rejects(Store.open(folder), { code: "STATE_DAMAGED", message: /state\.journal cannot be read/ });
  });
}

test("rejects a journal beside the state.json of another state, an older one, or none", async (t) => {
  const [folder, other] = [temporary(), temporary()];
  await put(await open(t, folder), "one");
  const older = await readFile(join(folder, "state.json"));
  await put(await open(t, folder), "two");
  await put(await open(t, other), "one");
  for (const text of [older, await readFile(join(other, "state.json")), '{"version":1,"organizations":{}}']) {
    await writeFile(join(folder, "state.json"), text);
    await assert.rejects(Store.open(folder), { code: "STATE_DAMAGED", message: /move the journal away/ });
  }
  await rm(join(folder, "state.json"));
  await assert.rejects(Store.open(folder), {
    code: "STATE_DAMAGED",
    message: /state\.json cannot be read: it is missing/,
  });
  await rm(journalOf(folder));
  assert.deepEqual(everything(await open(t, folder)), []);
});

test("reads a state.json of version 1, whose limits were a quota, and continues with a journal", async (t) => {
  const folder = temporary();
  const organizations = { acme: { createdAt: "then", quota: { cpu: "1" }, endpoints: { old: record("then") } } };
  await writeFile(join(folder, "state.json"), JSON.stringify({ version: 1, organizations }));
  const store = await open(t, folder);
  assert.deepEqual(everything(store), [
    ["acme", { createdAt: "then", limits: { cpu: "1" } }, [["old", record("then")]]],
  ]);
  await put(store, "new");
  assert.deepEqual(await names(folder), ["old", "new"]);
  assert.equal(JSON.parse(await readFile(join(folder, "state.json"), "utf8")).version, 2);
});

test("after a crash between the new snapshot and its journal, skips the changes in the snapshot and applies the rest", async (t) => {
  const folder = temporary();
  const store = await open(t, folder, { minCompactionBytes: 2 ** 11 });
  const { ino } = await putUntilSnapshot(store, folder);
  await eventually("the journal is replaced", async () => (await stat(journalOf(folder))).ino !== ino);
  await store.close();
  const copy = await copyOf(folder);
  // The previous snapshot's journal, with all changes since, beside the new snapshot.
  await copyFile(join(folder, "state.journal.backup"), journalOf(copy));
  assert.deepEqual(everything(await open(t, copy)), everything(store));
  await put(await open(t, copy), "next");
  assert.ok((await names(copy)).includes("next"));
});

/** Puts and removes endpoints until a snapshot is written; returns the facts of the journal that it replaces. */
async function putUntilSnapshot(store: Store, folder: string) {
  await put(store, "first");
  const before = await stat(join(folder, "state.json"));
  const journal = await stat(journalOf(folder));
  for (let i = 0; i < 1000; i++) {
    await put(store, `e${i % 7}`, `${i}`);
    await store.changeEndpoint({ org: "acme", endpoint: `e${(i + 3) % 7}` }, () => undefined);
    if ((await stat(join(folder, "state.json"))).ino !== before.ino) return journal;
  }
  return assert.fail("no snapshot was written");
}

test("compacts the journal in the background while changes continue; copies made meanwhile are complete", async (t) => {
  const folder = temporary();
  const store = await open(t, folder, { minCompactionBytes: 2 ** 14 });
  const journals = new Set<number>();
  const done = new Set<string>();
  for (let round = 0; round < 40; round++) {
    const copying = copyOf(folder).then(names, (): string[] => []);
    const before = new Set(done);
    await Promise.all(
      Array.from({ length: 25 }, async (_, i) => {
        const name = `e${round}-${i}`;
        await put(store, name);
        done.add(name);
      }),
    );
    if (round > 0)
      assert.deepEqual(
        await copying.then((copied) => [...before].filter((name) => !copied.includes(name))),
        [],
        `round ${round}`,
      );
    journals.add((await stat(journalOf(folder))).ino);
    const { size } = await stat(journalOf(folder));
    assert.ok(size < 4 * (2 ** 14 + (await stat(join(folder, "state.json"))).size), `${size} bytes`);
  }
  await store.close();
  assert.ok(journals.size > 3, `${journals.size} journals`);
  assert.deepEqual((await names(folder)).toSorted(), [...done].toSorted());
  assert.deepEqual((await readdir(folder)).toSorted(), [
    "state.journal",
    "state.journal.backup",
    "state.json",
    "state.json.backup",
  ]);
});

test("the next store reads the same contents after any changes and restarts", async () => {
  const org = fc.constantFrom("a", "b", "c");
  const ref = fc.record({ org, endpoint: fc.constantFrom("x", "y", "z") });
  const change = fc.oneof(
    fc.record({ kind: fc.constant("org" as const), org, cpu: fc.option(fc.constantFrom("1", "2")) }),
    fc.record({ kind: fc.constant("remove org" as const), org }),
    fc.record({ kind: fc.constant("put" as const), ref, text: fc.string() }),
    fc.record({ kind: fc.constant("remove" as const), ref }),
    fc.record({ kind: fc.constant("open" as const) }),
  );
  const root = temporary();
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 40 }), fc.constantFrom(1, 2 ** 12), async (changes, size) => {
      const folder = join(root, String(number++));
      await mkdir(folder);
      let store = await Store.open(folder, { minCompactionBytes: size });
      let pending: Promise<unknown>[] = [];
      for (const one of changes) {
        if (one.kind === "org") pending.push(store.putOrg(one.org, one.cpu === null ? undefined : { cpu: one.cpu }));
        else if (one.kind === "remove org") pending.push(store.removeEmptyOrg(one.org));
        else if (one.kind === "put") pending.push(store.changeEndpoint(one.ref, () => record(one.text)));
        else if (one.kind === "remove") pending.push(store.changeEndpoint(one.ref, () => undefined));
        else {
          await Promise.all(pending);
          pending = [];
          // As after kill -9: the previous store is not closed.
          const next = await Store.open(folder, { minCompactionBytes: size });
          assert.deepEqual(everything(next), everything(store));
          await store.close();
          store = next;
        }
      }
      await Promise.all(pending);
      await store.close();
      const again = await Store.open(folder);
      assert.deepEqual(everything(again), everything(store));
    }),
    { numRuns: 60 },
  );
});

test("a journal that cannot be compacted keeps growing, and the failure is reported once", async (t) => {
  const folder = temporary();
  const failures: unknown[] = [];
  let isFull = false;
  const full = () => Object.assign(new Error("full"), { code: "ENOSPC" });
  const store = await open(t, folder, {
    minCompactionBytes: 1,
    onCompactionFailed: (error) => failures.push(error),
    // Also called before and after each write: only files that should replace others fail.
    assertLockHeld: async () => {
      if (isFull && (await readdir(folder)).some((name) => name.endsWith(".new"))) throw full();
    },
  });
  await put(store, "one");
  await eventually("the journal is compacted", async () => (await stat(journalOf(folder))).size <= 300);
  isFull = true;
  const done: string[] = ["one"];
  for (let i = 0; i < 20; i++)
    await put(store, `e${i}`).then(
      () => done.push(`e${i}`),
      () => {},
    );
  await store.close();
  assert.equal(failures.length, 1);
  assert.deepEqual((await names(folder)).toSorted(), done.toSorted());
});

test("a failed write that cannot be undone is absent after a restart too, or the error says that it may be applied", async (t) => {
  const folder = temporary();
  const store = await open(t, folder);
  await put(store, "one");
  const handle = await openFile(journalOf(folder));
  const files = Object.getPrototypeOf(handle);
  await handle.close();
  const noSpace = async () => {
    throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  };
  // The line is in the file, but it is not confirmed to be on disk.
  const failing = (...operations: readonly string[]) =>
    operations.map((name) => t.mock.method(files, name, noSpace).mock);
  const first = failing("datasync", "truncate");
  await assert.rejects(put(store, "two"), { code: "STORAGE_FULL" });
  assert.deepEqual(await names(folder), ["one"]);
  for (const mock of first) mock.restore();

  await put(store, "three");
  const second = failing("datasync", "truncate", "sync");
  await assert.rejects(put(store, "four"), (error: Error) => /may be applied after a restart/.test(error.message));
  for (const mock of second) mock.restore();
  await put(store, "five");
  assert.deepEqual(await names(folder), ["one", "three", "five"]);
});
