import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FaasProcess } from "@faas/testing";
import { canMount, SmallDisk } from "../faults/small-disk.ts";
import { ServerUnderTest } from "./server-under-test.ts";

/** Size of the file system that holds the server's data folder. */
const DISK_SIZE = "3m";

const responding = (text: string) => ({ "index.mjs": `export const handler = () => ${JSON.stringify(text)};\n` });

/** Reads the server's state files. */
const readState = (data: string) =>
  Promise.all(["state.json", "state.journal"].map((name) => readFile(join(data, name), "utf8")));

async function startOnSmallDisk() {
  const faas = new FaasProcess();
  await mkdir(faas.data);
  const disk = await SmallDisk.on(faas.data, DISK_SIZE);
  const dispose = async () => {
    await faas[Symbol.asyncDispose]();
    await disk[Symbol.asyncDispose]();
  };
  try {
    const under = await ServerUnderTest.start({ before: disk.before }, faas);
    return { under, data: disk.path, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

describe("a full disk", { concurrency: 3 }, () => {
  test("rejects an upload without a change, and accepts a smaller one", {
    skip: canMount ? false : "no mount namespaces here; the test below limits the size of files",
  }, async () => {
    await using started = await startOnSmallDisk();
    const { under, data } = started;
    assert.equal((await under.deploy("small", responding("small"))).code, 0);
    const state = await readState(data);
    const bundles = await readdir(join(data, "bundles"));
    assert.equal(bundles.length, 1);

    // Random, so that no file system compresses it.
    const large = { ...responding("large"), "blob.txt": randomBytes(3 * 2 ** 20).toString("hex") };
    for (const name of ["large", "small"]) {
      const { code, stderr, stdout } = await under.deploy(name, large);
      assert.deepEqual([code, stdout], [1, ""], stderr);
      assert.match(stderr, /No space left for the bundle; nothing was changed[\s\S]*STORAGE_FULL/);
      assert.deepEqual(await readdir(join(data, "bundles")), bundles);
      assert.deepEqual(await readState(data), state);
    }
    assert.equal(await under.text("small"), "small");
    assert.equal((await under.call("large")).status, 404);

    await writeFile(join(under.faas.folder, "small/blob.txt"), "no longer large");
    assert.equal((await under.deploy("small", responding("again"))).code, 0);
    assert.equal(await under.text("small"), "again");
  });

  test("does not affect calls, and rejects changes that cannot be written", { skip: !canMount }, async () => {
    await using started = await startOnSmallDisk();
    const { under, data } = started;
    const noisy = "export const handler = () => { console.log('x'.repeat(50_000)); return 'here'; };\n";
    assert.equal((await under.deploy("noisy", { "index.mjs": noisy })).code, 0);
    assert.equal((await under.deploy("asleep", responding("awake"), "--replicas", "0")).code, 0);
    await assert.rejects(writeFile(join(data, "filler"), Buffer.alloc(2 ** 23)), { code: "ENOSPC" });
    for (let i = 0; i < 5; i++) assert.equal(await under.text("noisy"), "here");
    assert.equal(await under.text("asleep"), "awake");
    // The last block of the journal has room for some changes.
    await untilRejected(under.url);
    const state = await readState(data);
    const { code, stderr } = await under.deploy("noisy", { "index.mjs": noisy }, "--timeout", "9s");
    assert.equal(code, 1);
    assert.match(stderr, /No space left to write[\s\S]*still serves[\s\S]*STORAGE_FULL/);
    assert.deepEqual(await readState(data), state);
    await rm(join(data, "filler"));
    assert.equal((await under.run("remove", "acme/noisy", "--yes")).code, 0);
  });

  test("rejects an upload in the same way if only files cannot grow", async () => {
    // In blocks of 512 bytes (POSIX, ulimit): room for the state and the wrapper, not for the blob.
    await using under = await ServerUnderTest.start({ before: "ulimit -f 1024" });
    const { data } = under.faas;
    assert.equal((await under.deploy("small", responding("small"))).code, 0);
    const state = await readState(data);
    const bundles = await readdir(join(data, "bundles"));
    const large = { ...responding("x"), "blob.txt": "x".repeat(2 ** 20) };
    const { code, stderr } = await under.deploy("large", large);
    assert.equal(code, 1);
    assert.match(stderr, /STORAGE_FULL/);
    assert.deepEqual(await readdir(join(data, "bundles")), bundles);
    assert.deepEqual(await readState(data), state);
    assert.equal(await under.text("small"), "small");
  });
});

/** Registers organizations until the server rejects one. */
async function untilRejected(url: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const response = await fetch(`${url}/-/orgs/filler-${i}`, { method: "PUT" });
    const text = await response.text();
    if (response.status === 507) return assert.match(text, /STORAGE_FULL/);
    assert.equal(response.status, 201, text);
  }
  assert.fail("The server rejected no organization");
}
