import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { tempDir } from "@faas/testing";
import { SigningKeys } from "./signing-keys.ts";

const DAY_MS = 86_400_000;

/** Opens the keys of a folder at a time, as a server does. */
function openKeys(folder = join(tempDir("keys"), "signing-keys"), createdAt = "2026-01-01") {
  const clock = { nowMs: Date.UTC(2026, 0, 1) };
  const keys = new SigningKeys({
    folder,
    createdAtOf: () => createdAt,
    assertLockHeld: async () => {},
    now: () => clock.nowMs,
  });
  return { keys, clock, folder };
}

describe("the signing key of an organization", () => {
  test("is the same for all who ask, and after a restart", async () => {
    const { keys, folder } = openKeys();
    const [{ key }, again] = await Promise.all([keys.get("acme"), keys.get("acme")]);
    assert.match(key, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.equal(again.key, key);
    assert.equal((await openKeys(folder).keys.get("acme")).key, key);
    assert.notEqual((await keys.get("other")).key, key);
  });

  test("is in a file that only the server's user can read", async () => {
    const { keys, folder } = openKeys();
    await keys.get("acme");
    assert.deepEqual(await readdir(folder), ["acme.json"]);
    assert.equal((await stat(join(folder, "acme.json"))).mode & 0o777, 0o600);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
  });

  test("that is replaced signs too for a day", async () => {
    const { keys, clock, folder } = openKeys();
    const before = (await keys.get("acme")).key;
    const after = await keys.rotate("acme");
    assert.notEqual(after.key, before);
    assert.equal(after.previous?.key, before);
    assert.deepEqual(await openKeys(folder).keys.keysOf("acme"), [after.key, before]);
    clock.nowMs += DAY_MS;
    assert.deepEqual(await keys.keysOf("acme"), [after.key]);
    assert.equal((await keys.get("acme")).previous, undefined);
  });

  test("is another one for an organization of the same name that was created later", async () => {
    const { keys, folder } = openKeys();
    const { key } = await keys.get("acme");
    const later = openKeys(folder, "2026-02-02").keys;
    assert.notEqual((await later.get("acme")).key, key);
    assert.equal((await later.get("acme")).previous, undefined);
  });

  test("is removed with it", async () => {
    const { keys, folder } = openKeys();
    const { key } = await keys.get("acme");
    await keys.remove("acme");
    assert.deepEqual(await readdir(folder), []);
    assert.notEqual((await keys.get("acme")).key, key);
  });

  test("is not written by a server that has lost the data folder", async () => {
    const folder = join(tempDir("keys"), "signing-keys");
    const assertLockHeld = async () => {
      throw new Error("lost");
    };
    const keys = new SigningKeys({ folder, createdAtOf: () => "2026-01-01", assertLockHeld });
    await assert.rejects(keys.get("acme"), /lost/);
    assert.deepEqual(await readdir(folder), []);
  });
});
