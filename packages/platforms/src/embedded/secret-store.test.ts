import assert from "node:assert/strict";
import { copyFile, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, test } from "node:test";
import { FaasError } from "@faas/core";
import { tempDir } from "@faas/testing";
import { SecretStore } from "./secret-store.ts";

const VALUE = "hunter2 ä\n";
const secret = { name: "DB", version: "v1" };
const unavailable = (cause: RegExp) => (error: unknown) => {
  assert.ok(error instanceof FaasError);
  assert.equal(error.code, "SECRET_UNAVAILABLE");
  assert.match(error.message, cause);
  assert.match(error.message, /"faas secret set acme DB"/);
  return true;
};

describe("SecretStore", () => {
  let folder = "";
  let store: SecretStore;
  const fileOf = (org = "acme", { name, version } = secret) => join(folder, "secrets", org, `${name}.${version}`);
  beforeEach(() => {
    folder = tempDir("secrets");
    store = new SecretStore(folder);
  });

  test("keeps values for the next server", async () => {
    await store.put("acme", secret, VALUE);
    assert.equal(await new SecretStore(folder).value("acme", secret), VALUE);
  });

  test("makes files and folders private, and stores no value in plain text", async () => {
    await store.put("acme", secret, VALUE);
    for (const [path, mode] of [
      [fileOf(), 0o600],
      [join(folder, "secrets.key"), 0o600],
      [join(folder, "secrets"), 0o700],
      [join(folder, "secrets/acme"), 0o700],
    ] as const)
      assert.equal((await stat(path)).mode & 0o777, mode, path);
    for (const path of [fileOf(), join(folder, "secrets.key")])
      assert.ok(!(await readFile(path)).includes("hunter2"), path);
    assert.deepEqual(await readdir(join(folder, "secrets/acme")), ["DB.v1"]);
  });

  test("encrypts equal values differently", async () => {
    await store.put("acme", secret, VALUE);
    const first = await readFile(fileOf());
    await store.put("acme", secret, VALUE);
    const second = await readFile(fileOf());
    assert.notDeepEqual(first.subarray(0, 12), second.subarray(0, 12));
    assert.notDeepEqual(first.subarray(28), second.subarray(28));
  });

  test("creates one key for concurrent first values", async () => {
    const names = Array.from({ length: 20 }, (_, index) => ({ name: `S${index}`, version: "v" }));
    await Promise.all(names.map((each, index) => store.put(`org-${index % 3}`, each, each.name)));
    const values = await Promise.all(names.map((each, index) => store.value(`org-${index % 3}`, each)));
    assert.deepEqual(
      values,
      names.map(({ name }) => name),
    );
  });

  for (const [owner, to] of [
    ["another organization's", ["acme", { name: "DB", version: "v1" }, "globex"]],
    ["another secret's", ["acme", { name: "OTHER", version: "v1" }, "acme"]],
    ["another version's", ["acme", { name: "DB", version: "v2" }, "acme"]],
  ] as const)
    test(`does not decrypt a file in ${owner} place`, async () => {
      const [, other, org] = to;
      await store.put("acme", secret, VALUE);
      await store.put(org, other, "theirs");
      await copyFile(fileOf(), fileOf(org, other));
      await assert.rejects(store.value(org, other), (error: FaasError) => error.code === "SECRET_UNAVAILABLE");
    });

  test("reports a changed byte, another key and missing files, and what to do", async () => {
    await store.put("acme", secret, VALUE);
    const good = await readFile(fileOf());
    for (const at of [0, 12, 28, good.length - 1]) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] as number) ^ 1;
      await writeFile(fileOf(), bad);
      await assert.rejects(store.value("acme", secret), unavailable(/does not decrypt/));
    }
    for (const length of [0, 11, 20, 28]) {
      await writeFile(fileOf(), good.subarray(0, length));
      await assert.rejects(store.value("acme", secret), unavailable(/does not decrypt/));
    }
    await writeFile(fileOf(), good);
    assert.equal(await store.value("acme", secret), VALUE);
    const key = await readFile(join(folder, "secrets.key"));
    await writeFile(join(folder, "secrets.key"), Buffer.alloc(32, 1));
    await assert.rejects(store.value("acme", secret), unavailable(/does not decrypt with .*secrets\.key/));
    await writeFile(join(folder, "secrets.key"), key.subarray(1));
    await assert.rejects(store.value("acme", secret), unavailable(/secrets\.key/));
    await rm(join(folder, "secrets.key"));
    await assert.rejects(store.value("acme", secret), unavailable(/cannot be read \(ENOENT .*secrets\.key/));
  });

  test("removes values and organizations, also repeatedly", async () => {
    await store.put("acme", secret, VALUE);
    await store.put("globex", secret, VALUE);
    await store.remove("acme", secret);
    await store.remove("acme", secret);
    await assert.rejects(store.value("acme", secret), unavailable(/cannot be read/));
    await store.removeOrg("globex");
    await store.removeOrg("globex");
    assert.deepEqual(await readdir(join(folder, "secrets")), ["acme"]);
  });
});
