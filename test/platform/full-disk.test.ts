import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FaasProcess } from "@faas/testing";
import { canMount, SmallDisk } from "../faults/small-disk.ts";

/** A disk that is full: the server's data folder is a file system of its own with little room. */
const ROOM = "3m";

const hello = (text: string) => `export const handler = () => ${JSON.stringify(text)};\n`;

/** What is on disk of what should exist. */
const stateIn = (data: string) =>
  Promise.all(["state.json", "state.journal"].map((name) => readFile(join(data, name), "utf8")));

async function upOnSmallDisk(faas: FaasProcess) {
  await mkdir(faas.data);
  const disk = await SmallDisk.on(faas.data, ROOM);
  try {
    const { url } = await faas.up({ before: disk.before });
    return { url, data: disk.path, [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose]() };
  } catch (error) {
    await disk[Symbol.asyncDispose]();
    throw error;
  }
}

test("a full disk while uploading: said so, nothing of it left, state untouched; with less to send it goes on", {
  skip: canMount ? false : "no mount namespaces here; the limit on a file's size is tested below",
}, async () => {
  await using faas = new FaasProcess();
  await using server = await upOnSmallDisk(faas);
  const { data } = server;
  assert.equal((await faas.deploy("small", { "index.mjs": hello("small") })).code, 0);
  const state = await stateIn(data);
  const bundles = await readdir(join(data, "bundles"));
  assert.equal(bundles.length, 1);

  // Random: it is that large on any disk.
  const large = { "index.mjs": hello("large"), "blob.txt": randomBytes(3 * 2 ** 20).toString("hex") };
  for (const name of ["large", "small"]) {
    const { code, stderr, stdout } = await faas.deploy(name, large);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /no room for the bundle; nothing was changed[\s\S]*STORAGE_FULL/);
    assert.deepEqual(await readdir(join(data, "bundles")), bundles);
    assert.deepEqual(await stateIn(data), state);
  }
  assert.equal((await faas.run(["invoke", "acme/small"])).stdout, "small");
  assert.equal((await faas.run(["invoke", "acme/large"])).code, 1);

  await writeFile(join(faas.folder, "small/blob.txt"), "no longer large");
  assert.equal((await faas.deploy("small", { "index.mjs": hello("again") })).code, 0);
  assert.equal((await faas.run(["invoke", "acme/small"])).stdout, "again");
});

test("with no byte left calls are answered, and what cannot be written down is refused", {
  skip: !canMount,
}, async () => {
  await using faas = new FaasProcess();
  await using server = await upOnSmallDisk(faas);
  const noisy = "export const handler = () => { console.log('x'.repeat(50_000)); return 'here'; };\n";
  assert.equal((await faas.deploy("noisy", { "index.mjs": noisy })).code, 0);
  assert.equal((await faas.deploy("asleep", { "index.mjs": hello("awake") }, "--replicas", "0")).code, 0);
  await assert.rejects(writeFile(join(server.data, "filler"), Buffer.alloc(2 ** 23)), { code: "ENOSPC" });
  for (let i = 0; i < 5; i++) assert.equal(await (await fetch(`${server.url}/acme/noisy`)).text(), "here");
  assert.equal(await (await fetch(`${server.url}/acme/asleep`)).text(), "awake");
  // The last block of the journal has room for a change or two.
  await untilRefused(server.url);
  const state = await stateIn(server.data);
  const deploying = ["deploy", "noisy", "--org", "acme", "--endpoint", "noisy", "--timeout", "9s"];
  const { code, stderr } = await faas.run(deploying);
  assert.equal(code, 1);
  assert.match(stderr, /no room to write[\s\S]*goes on serving[\s\S]*STORAGE_FULL/);
  assert.deepEqual(await stateIn(server.data), state);
  await rm(join(server.data, "filler"));
  assert.equal((await faas.run(["remove", "acme/noisy", "--yes"])).code, 0);
});

/** Registers organizations until there is no room for one more. */
async function untilRefused(url: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const answer = await fetch(`${url}/-/orgs/filler-${i}`, { method: "PUT" });
    const text = await answer.text();
    if (answer.status === 507) return assert.match(text, /STORAGE_FULL/);
    assert.equal(answer.status, 201, text);
  }
  assert.fail("nothing was refused");
}

test("files that may not grow any further while uploading: the same", async () => {
  await using faas = new FaasProcess();
  // In blocks of 512 bytes (POSIX, ulimit): room for the state and the wrapper, not for the blob.
  await faas.up({ before: "ulimit -f 1024" });
  assert.equal((await faas.deploy("small", { "index.mjs": hello("small") })).code, 0);
  const state = await stateIn(faas.data);
  const bundles = await readdir(join(faas.data, "bundles"));
  const { code, stderr } = await faas.deploy("large", { "index.mjs": hello("x"), "blob.txt": "x".repeat(2 ** 20) });
  assert.equal(code, 1);
  assert.match(stderr, /STORAGE_FULL/);
  assert.deepEqual(await readdir(join(faas.data, "bundles")), bundles);
  assert.deepEqual(await stateIn(faas.data), state);
  assert.equal((await faas.run(["invoke", "acme/small"])).stdout, "small");
});
