import assert from "node:assert/strict";
import { mkdir, readdir, readFile, readlink, stat, utimes, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { Problem } from "@faas/core";
import { eventually } from "@faas/testing";
import { digestOf, tarOf, testControl } from "../testing/test-control.ts";
import { BundleStore } from "./bundle-store.ts";

const server = await testControl({ bundleLimitBytes: 4 * 2 ** 20 });
const bundles = join(server.dataDir, "bundles");
const folderOf = (digest: string) => join(bundles, digest.slice("sha256:".length));

/** Lists the folder of bundles; a rejected upload leaves nothing there. */
const stored = (): Promise<string[]> => readdir(bundles).catch(() => []);

test("unpacks a bundle under its digest; a second upload of it gets 200 instead of 201", async () => {
  const tar = await tarOf(
    { name: "lib", type: "directory" },
    { name: "lib/a.mjs", text: "a" },
    { name: "run.sh", mode: 0o755, text: "#!/bin/sh\n" },
    { name: "empty", text: "" },
    { name: "link", type: "symlink", linkname: "lib/a.mjs" },
  );
  const digest = digestOf(tar);
  assert.equal((await fetch(`${server.url}/-/bundles/${digest}`, { method: "HEAD" })).status, 404);
  assert.deepEqual((await server.upload(tar)).status, 201);
  assert.equal((await fetch(`${server.url}/-/bundles/${digest}`, { method: "HEAD" })).status, 200);
  assert.deepEqual((await server.upload(tar)).status, 200);
  const folder = folderOf(digest);
  assert.equal(await readFile(join(folder, "lib/a.mjs"), "utf8"), "a");
  assert.equal(await readFile(join(folder, "empty"), "utf8"), "");
  assert.equal(await readlink(join(folder, "link")), "lib/a.mjs");
  assert.deepEqual(
    await Promise.all(["lib/a.mjs", "run.sh"].map(async (name) => (await stat(join(folder, name))).mode & 0o111)),
    [0, 0o111],
  );
});

test("accepts two uploads of the same bundle at the same time", async () => {
  const tar = await tarOf({ name: "twice", text: Buffer.alloc(2 ** 20, 1) });
  const statuses = await Promise.all([server.upload(tar), server.upload(tar)]);
  assert.ok(statuses.every(({ status }) => status === 200 || status === 201));
  assert.ok(statuses.some(({ status }) => status === 201));
});

test("rejects a bundle that does not match its digest, and reports both digests", async () => {
  const before = await stored();
  const tar = await tarOf({ name: "index.mjs", text: "x" });
  const claimed = `sha256:${"0".repeat(64)}`;
  const { status, problem } = await server.upload(tar, claimed);
  assert.deepEqual([status, problem.code], [422, "BUNDLE_DIGEST_MISMATCH"]);
  assert.ok(problem.detail.includes(claimed) && problem.detail.includes(digestOf(tar)), problem.detail);
  assert.deepEqual(await stored(), before);
});

const file = (name: string) => ({ name, text: "x" });
const link = (name: string, linkname: string) => ({ name, type: "symlink" as const, linkname });
for (const [what, entries, why] of [
  ["../ at the start of a name", [file("../outside")], /"\.\.\/outside".*leads out/],
  ["../ inside a name", [file("a/../../outside")], /leads out/],
  ["../ that comes back in", [file("a/../b")], /leads out/],
  ["an absolute name", [file("/etc/outside")], /"\/etc\/outside".*absolute/],
  ["a character device", [{ name: "null", type: "character-device", devmajor: 1, devminor: 3 }], /character-device/],
  ["a block device", [{ name: "disk", type: "block-device", devmajor: 8, devminor: 0 }], /block-device/],
  ["a named pipe", [{ name: "pipe", type: "fifo" }], /fifo/],
  ["a hard link", [file("a"), { name: "b", type: "link", linkname: "a" }], /it is a link/],
  ["a symbolic link to an absolute path", [link("passwd", "/etc/passwd")], /link to "\/etc\/passwd".*outside/],
  ["a symbolic link that leads out", [link("a/up", "../../x")], /outside/],
  ["a file behind a symbolic link", [{ name: "d", type: "directory" }, link("l", "d"), file("l/x")], /behind a/],
  [
    "a link that leads out through another link",
    [file("a/b/x"), link("l", "a/b"), link("out", "l/../../..")],
    /outside/,
  ],
  ["the same name twice", [file("a"), file("./a")], /twice/],
  ["a file where a folder must be", [file("a"), file("a/b")], /cannot be unpacked/],
  ["a name that is too long", [file("n".repeat(300))], /cannot be unpacked/],
] as const) {
  test(`rejects a bundle with ${what}, and leaves nothing behind`, async () => {
    const before = await stored();
    const { status, problem } = await server.upload(await tarOf(...entries));
    assert.deepEqual([status, problem.code], [422, "BUNDLE_INVALID"], problem.detail);
    assert.match(problem.detail, why);
    assert.deepEqual(await stored(), before);
  });
}

test("rejects a body that is not a tar, and a tar that is cut short", async () => {
  const before = await stored();
  const whole = await tarOf({ name: "a", text: Buffer.alloc(100_000, 1) });
  for (const body of [Buffer.alloc(2048, "no tar "), whole.subarray(0, 50_000)]) {
    const { status, problem } = await server.upload(body);
    assert.deepEqual([status, problem.code], [422, "BUNDLE_INVALID"]);
  }
  assert.deepEqual(await stored(), before);
});

test("rejects a bundle over the limit, with and without a Content-Length", async () => {
  const before = await stored();
  const tar = await tarOf({ name: "big", text: Buffer.alloc(5 * 2 ** 20, 1) });
  const sized = await server.upload(tar);
  assert.deepEqual([sized.status, sized.problem.code], [413, "BUNDLE_TOO_LARGE"]);
  const streamed = await fetch(`${server.url}/-/bundles/${digestOf(tar)}`, {
    method: "PUT",
    body: new Blob([new Uint8Array(tar)]).stream(),
    duplex: "half",
  } as RequestInit);
  assert.deepEqual([streamed.status, ((await streamed.json()) as Problem).code], [413, "BUNDLE_TOO_LARGE"]);
  assert.deepEqual(await stored(), before);
});

test("rejects an invalid digest", async () => {
  for (const digest of ["sha256:abc", "md5:0", `sha256:${"A".repeat(64)}`]) {
    const { status, problem } = await server.upload(Buffer.alloc(0), digest);
    assert.deepEqual([status, problem.code], [400, "INVALID_REQUEST"]);
  }
});

test("cleans up when a client disconnects at any point of an upload", async () => {
  const before = await stored();
  const tar = await tarOf({ name: "a", text: Buffer.alloc(2 ** 20, 1) });
  const begin = () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write(`PUT /-/bundles/${digestOf(tar)} HTTP/1.1\r\nHost: x\r\nContent-Length: ${tar.length}\r\n\r\n`);
    socket.write(tar.subarray(0, 2 ** 19));
    return socket;
  };
  // At different points, by turns of the event loop.
  for (const turns of [0, 0, 1, 2, 10, 50]) {
    const socket = begin();
    for (let turn = 0; turn < turns; turn++) await new Promise((done) => setImmediate(done));
    socket.destroy();
  }
  const last = begin();
  await eventually("the upload begins", async () => (await stored()).length > before.length);
  last.destroy();
  await eventually("the upload is removed", async () => (await stored()).length === before.length);
  assert.equal((await server.send("GET", "/-/healthz")).status, 200);
});

test("removes bundles that no revision names after a grace period, and leftovers of a killed server at once", async () => {
  const bundlesOnDisk = new BundleStore(server.dataDir, 2 ** 20);
  const [named, young, old] = ["a", "b", "c"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string, string];
  for (const digest of [named, young, old]) await mkdir(folderOf(digest), { recursive: true });
  await mkdir(join(bundles, ".upload-killed"));
  await writeFile(join(bundles, ".upload-killed/part"), "x");
  const anHourAgo = new Date(Date.now() - 3_600_000);
  for (const digest of [named, old]) await utimes(folderOf(digest), anHourAgo, anHourAgo);
  await bundlesOnDisk.collect(new Set([named]), Date.now());
  const names = await stored();
  assert.deepEqual(
    [named, young, old].map((digest) => names.includes(digest.slice("sha256:".length))),
    [true, true, false],
  );
  assert.ok(!names.includes(".upload-killed"));
});

test("keeps a bundle that was just claimed: its registration may be on the way", async () => {
  const bundlesOnDisk = new BundleStore(server.dataDir, 2 ** 20);
  const digest = `sha256:${"d".repeat(64)}`;
  await mkdir(folderOf(digest), { recursive: true });
  const anHourAgo = new Date(Date.now() - 3_600_000);
  await utimes(folderOf(digest), anHourAgo, anHourAgo);
  assert.ok(await bundlesOnDisk.has(digest));
  await bundlesOnDisk.collect(new Set(), Date.now());
  assert.ok(await bundlesOnDisk.has(digest));
});
