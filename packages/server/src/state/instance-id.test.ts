import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { INSTANCE_FILE, instanceId } from "./instance-id.ts";

describe("a server's name for its objects in a cluster", () => {
  const folder = async (t: { after(work: () => Promise<void>): void }) => {
    const dir = await mkdtemp(join(tmpdir(), "faas-instance-"));
    t.after(() => rm(dir, { recursive: true, force: true }));
    return dir;
  };

  test("is made once, is another in each data folder, and goes where the folder goes", async (t) => {
    const [one, other, copy] = [await folder(t), await folder(t), await folder(t)];
    const name = await instanceId(one);
    assert.match(name, /^local-[0-9a-f]{12}$/);
    assert.equal(await instanceId(one), name);
    assert.deepEqual(await readdir(one), [INSTANCE_FILE]);
    assert.notEqual(await instanceId(other), name);
    await cp(one, copy, { recursive: true });
    assert.equal(await instanceId(copy), name);
  });

  test("is not made anew when the file is damaged: its namespaces would be somebody else's", async (t) => {
    const dir = await folder(t);
    for (const damaged of ["", "local-", "local-0123456789ab/x", "\0\0"]) {
      await writeFile(join(dir, INSTANCE_FILE), damaged);
      await assert.rejects(instanceId(dir), { code: "STATE_DAMAGED" });
    }
  });
});
