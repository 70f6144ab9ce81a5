import assert from "node:assert/strict";
import { cp, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { INSTANCE_FILE, instanceId } from "./instance-id.ts";

test("the instance id is created once per data folder, and moves with the folder", async () => {
  const [one, other, copy] = [tempDir("instance"), tempDir("instance"), tempDir("instance")];
  const id = await instanceId(one);
  assert.match(id, /^local-[0-9a-f]{12}$/);
  assert.equal(await instanceId(one), id);
  assert.deepEqual(await readdir(one), [INSTANCE_FILE]);
  assert.notEqual(await instanceId(other), id);
  await cp(one, copy, { recursive: true });
  assert.equal(await instanceId(copy), id);
});

test("a damaged instance file is rejected instead of replaced: the server would lose its namespaces", async () => {
  const folder = tempDir("instance");
  for (const damaged of ["", "local-", "local-0123456789ab/x", "\0\0"]) {
    await writeFile(join(folder, INSTANCE_FILE), damaged);
    await assert.rejects(instanceId(folder), { code: "STATE_DAMAGED" });
  }
});
