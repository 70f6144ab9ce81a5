import assert from "node:assert/strict";

import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { builtBundle, bundleContent, sourceFolder, writeFiles } from "../testing/source-folder.ts";
import { build } from "./build.ts";

const files = { "index.mjs": "export const handler = () => 1;\n", "lib/a.mjs": "a", "lib/b.mjs": "b", "z.txt": "z" };

test("the digest does not depend on the folder, times, order of files or umask", async (t) => {
  const first = await sourceFolder(files);
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  const second = await sourceFolder(Object.fromEntries(Object.entries(files).reverse()));
  for (const name of ["index.mjs", "lib/a.mjs", "lib"]) await utimes(join(second, name), 1, 1);
  const [a, b] = [await builtBundle(first), await builtBundle(second)];
  assert.equal(a.digest, b.digest);
  assert.equal(
    a.digest,
    `sha256:${createHash("sha256")
      .update(await buffer(b.open()))
      .digest("hex")}`,
  );
  assert.equal(a.sizeBytes, (await buffer(a.open())).length);
});

test("any difference that the function can see changes the digest", async () => {
  const digests = new Set<string>();
  const add = async (change: (folder: string) => Promise<void>) => {
    const folder = await sourceFolder(files);
    await change(folder);
    digests.add((await builtBundle(folder)).digest);
  };
  await add(async () => {});
  await add((folder) => writeFile(join(folder, "z.txt"), "Z"));
  await add((folder) => writeFile(join(folder, "y.txt"), "z"));
  await add((folder) => chmod(join(folder, "z.txt"), 0o755));
  await add((folder) => symlink("z.txt", join(folder, "link")));
  assert.equal(digests.size, 5);
});

test("a bundle has the wrapper, executable bits, and no owners or times", async () => {
  const folder = await sourceFolder({ ...files, "run.sh": "#!/bin/sh\n" });
  await chmod(join(folder, "run.sh"), 0o700);
  const content = await bundleContent(await builtBundle(folder));
  assert.deepEqual([...content.keys()], [".interface.mjs", "index.mjs", "lib/a.mjs", "lib/b.mjs", "run.sh", "z.txt"]);
  for (const { uid, gid, mtime, mode, name } of content.values()) {
    assert.deepEqual([uid, gid, mtime?.getTime()], [0, 0, 0]);
    assert.equal(mode, name === "run.sh" ? 0o755 : 0o644);
  }
});

test("excludes files of .gitignore and .faasignore; .faasignore can include a file again", async () => {
  const folder = await sourceFolder({
    ...files,
    ".gitignore": "*.log\ndist/\n/secret\n",
    ".faasignore": "!keep.log\n*.md\n",
    "debug.log": "",
    "keep.log": "",
    "README.md": "",
    "dist/out.js": "",
    secret: "",
    "lib/secret": "",
    "lib/.gitignore": "b.mjs\n",
  });
  const names = [...(await bundleContent(await builtBundle(folder))).keys()];
  for (const name of ["keep.log", "lib/secret", "lib/a.mjs"]) assert.ok(names.includes(name), name);
  for (const name of ["debug.log", "README.md", "dist/out.js", "secret", "lib/b.mjs"])
    assert.ok(!names.includes(name), name);
});

test("never includes secret files, installed packages and caches", async () => {
  const never = [
    ".env",
    ".env.local",
    ".npmrc",
    "lib/.npmrc",
    ".yarnrc.yml",
    ".netrc",
    ".pypirc",
    "pip.conf",
    ".git-credentials",
    ".aws/credentials",
    ".docker/config.json",
    ".ssh/id_ed25519",
    ".git/config",
    "node_modules/x/index.js",
    "__pycache__/a.pyc",
    ".venv/x",
  ];
  const folder = await sourceFolder({
    ...files,
    ".faasignore": "!.env\n",
    ...Object.fromEntries(never.map((n) => [n, ""])),
  });
  const names = [...(await bundleContent(await builtBundle(folder))).keys()];
  for (const name of never) assert.ok(!names.includes(name), name);
});

test("keeps symbolic links within the folder, and excludes others with a warning", async () => {
  const outside = await sourceFolder({ "passwords.txt": "secret" });
  const folder = await sourceFolder({ ...files, ".gitignore": "z.txt\n" });
  await symlink("../index.mjs", join(folder, "lib/in"));
  await symlink(join(folder, "lib"), join(folder, "absolute"));
  await symlink(join(outside, "passwords.txt"), join(folder, "out"));
  await symlink(outside, join(folder, "folder"));
  await symlink("gone", join(folder, "dangling"));
  await symlink("z.txt", join(folder, "ignored"));
  const bundle = await builtBundle(folder);
  const content = await bundleContent(bundle);
  assert.equal(content.get("lib/in")?.linkname, "../index.mjs");
  assert.equal(content.get("absolute")?.linkname, "lib");
  for (const name of ["out", "folder", "dangling", "ignored"]) assert.ok(!content.has(name), name);
  assert.ok(!(await buffer(bundle.open())).includes("secret"));
  const { warnings } = bundle;
  assert.equal(warnings.length, 4);
  for (const pattern of [
    /^out is a symbolic link to .*passwords\.txt, outside/,
    /^folder .*outside/,
    /^dangling .*does not exist/,
    /^ignored .*not deployed/,
  ])
    assert.ok(
      warnings.some((warning) => pattern.test(warning)),
      `${pattern}: ${warnings.join("\n")}`,
    );
});

test("excludes a socket with a warning", async (t) => {
  const folder = await sourceFolder(files);
  const server = createServer().listen(join(folder, "socket"));
  t.after(() => server.close());
  await once(server, "listening");
  assert.deepEqual((await builtBundle(folder)).warnings, ["socket is not a regular file and was left out"]);
});

test("rejects a folder over the size limit, not counting ignored files", async () => {
  const folder = await sourceFolder({ ...files, "large.bin": "x".repeat(100_000) });
  const options = { sizeLimitBytes: 50_000 };
  await assert.rejects(build(folder, options), { code: "SOURCE_TOO_LARGE", message: /at most .* \.faasignore/ });
  await writeFile(join(folder, ".faasignore"), "large.bin\n");
  await builtBundle(folder, options);
});

test("the error tells apart a folder that is empty, fully ignored, missing or a file", async () => {
  const empty = tempDir();
  await assert.rejects(build(empty), { code: "SOURCE_EMPTY", message: new RegExp(empty) });
  await writeFiles(empty, { ".faasignore": "*\n", "index.mjs": "" });
  await assert.rejects(build(empty), { code: "SOURCE_EMPTY", message: /ignored/ });
  await assert.rejects(build(join(empty, "gone")), { code: "SOURCE_UNREADABLE", message: /does not exist/ });
  await assert.rejects(build(join(empty, "index.mjs")), { code: "SOURCE_UNREADABLE", message: /it is a file/ });
});

test("an abort stops a build and leaves no temporary file", async (t) => {
  const folder = await sourceFolder(files);
  const temporary = tempDir();
  const { TMPDIR } = process.env;
  process.env.TMPDIR = temporary;
  t.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(build(folder, { signal }), /enough/);
  const late = new AbortController();
  const onStage = (stage: string) => stage === "pack" && late.abort(new Error("late"));
  await assert.rejects(build(folder, { signal: late.signal, onStage }), /late/);
  assert.deepEqual(await readdir(temporary), []);
});
