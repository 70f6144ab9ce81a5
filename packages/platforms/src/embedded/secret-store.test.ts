import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { FaasError } from "@faas/core";
import { SecretFiles } from "./secret-store.ts";

const VALUE = "hunter2 ä\n";
const secret = { name: "DB", version: "v1" };
const unavailable = (what: RegExp) => (error: unknown) => {
  assert.ok(error instanceof FaasError);
  assert.equal(error.code, "SECRET_UNAVAILABLE");
  assert.match(error.message, what);
  assert.match(error.message, /"faas secret set acme DB"/);
  return true;
};

describe("secrets in files", () => {
  let folder = "";
  let files: SecretFiles;
  const fileOf = (org = "acme", { name, version } = secret) => join(folder, "secrets", org, `${name}.${version}`);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "faas-secrets-"));
    files = new SecretFiles(folder);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test("a value is there for the next server too", async () => {
    await files.put("acme", secret, VALUE);
    assert.equal(await new SecretFiles(folder).value("acme", secret), VALUE);
  });

  test("files and folders are for their user alone, and the value is in none", async () => {
    await files.put("acme", secret, VALUE);
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

  test("the same value is another text each time", async () => {
    await files.put("acme", secret, VALUE);
    const first = await readFile(fileOf());
    await files.put("acme", secret, VALUE);
    const second = await readFile(fileOf());
    assert.notDeepEqual(first.subarray(0, 12), second.subarray(0, 12));
    assert.notDeepEqual(first.subarray(28), second.subarray(28));
  });

  test("many first values at once have one key", async () => {
    const names = Array.from({ length: 20 }, (_, index) => ({ name: `S${index}`, version: "v" }));
    await Promise.all(names.map((each, index) => files.put(`org-${index % 3}`, each, each.name)));
    const values = await Promise.all(names.map((each, index) => files.value(`org-${index % 3}`, each)));
    assert.deepEqual(
      values,
      names.map(({ name }) => name),
    );
  });

  for (const [what, to] of [
    ["another organization's", ["acme", { name: "DB", version: "v1" }, "globex"]],
    ["another secret's", ["acme", { name: "OTHER", version: "v1" }, "acme"]],
    ["another version's", ["acme", { name: "DB", version: "v2" }, "acme"]],
  ] as const)
    test(`a file that is put in ${what} place does not decrypt`, async () => {
      const [, there, org] = to;
      await files.put("acme", secret, VALUE);
      await files.put(org, there, "theirs");
      await copyFile(fileOf(), fileOf(org, there));
      await assert.rejects(files.value(org, there), (error: FaasError) => error.code === "SECRET_UNAVAILABLE");
    });

  test("a byte that was changed, another key, and what is missing: told, with what to do", async () => {
    await files.put("acme", secret, VALUE);
    const good = await readFile(fileOf());
    for (const at of [0, 12, 28, good.length - 1]) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] as number) ^ 1;
      await writeFile(fileOf(), bad);
      await assert.rejects(files.value("acme", secret), unavailable(/does not decrypt/));
    }
    for (const length of [0, 11, 20, 28]) {
      await writeFile(fileOf(), good.subarray(0, length));
      await assert.rejects(files.value("acme", secret), unavailable(/does not decrypt/));
    }
    await writeFile(fileOf(), good);
    assert.equal(await files.value("acme", secret), VALUE);
    const key = await readFile(join(folder, "secrets.key"));
    await writeFile(join(folder, "secrets.key"), Buffer.alloc(32, 1));
    await assert.rejects(files.value("acme", secret), unavailable(/does not decrypt with .*secrets\.key/));
    await writeFile(join(folder, "secrets.key"), key.subarray(1));
    await assert.rejects(files.value("acme", secret), unavailable(/secrets\.key/));
    await rm(join(folder, "secrets.key"));
    await assert.rejects(files.value("acme", secret), unavailable(/cannot be read \(ENOENT .*secrets\.key/));
  });

  test("what is removed is gone, and removing again succeeds; an organization goes with all that it has", async () => {
    await files.put("acme", secret, VALUE);
    await files.put("globex", secret, VALUE);
    await files.remove("acme", secret);
    await files.remove("acme", secret);
    await assert.rejects(files.value("acme", secret), unavailable(/cannot be read/));
    await files.removeOrg("globex");
    await files.removeOrg("globex");
    assert.deepEqual(await readdir(join(folder, "secrets")), ["acme"]);
  });
});
