import assert from "node:assert/strict";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import fc from "fast-check";
import { type ElfFile, elfFile } from "../../../testing/elf-file.ts";
import { fitsPlatform, libcOf, readBinary } from "./elf.ts";

const folder = tempDir();
async function read(content: Buffer | string) {
  const path = join(folder, "file");
  await writeFile(path, content);
  return readBinary(path);
}

const GLIBC: ElfFile = { needed: ["libstdc++.so.6", "libc.so.6"] };
const MUSL: ElfFile = { needed: ["libstdc++.so.6", "libc.musl-x86_64.so.1"] };
const platform = (arch: "amd64" | "arm64", libc: "glibc" | "musl") => ({ os: "linux", arch, libc }) as const;

for (const [name, file, expected] of [
  ["a library for glibc", GLIBC, { arch: "amd64", libc: "glibc" }],
  ["a library for musl", MUSL, { arch: "amd64", libc: "musl" }],
  ["a library for another CPU", { ...GLIBC, machine: 183 }, { arch: "arm64", libc: "glibc" }],
  [
    "a program by its loader",
    { interpreter: "/lib/ld-musl-aarch64.so.1", machine: 183 },
    { arch: "arm64", libc: "musl" },
  ],
  [
    "a program of glibc by its loader",
    { interpreter: "/lib64/ld-linux-x86-64.so.2" },
    { arch: "amd64", libc: "glibc" },
  ],
  ["a static program", { type: 2 }, { arch: "amd64", libc: undefined }],
  ["a library that needs no C library", { needed: ["libgcc_s.so.1"] }, { arch: "amd64", libc: undefined }],
  ["a library for Android", { needed: ["libc.so", "libdl.so"] }, { arch: "amd64", libc: "bionic" }],
  ["a library of a musl compiler", { needed: ["libc.so"] }, { arch: "amd64", libc: "musl" }],
  ["a program for FreeBSD", { ...GLIBC, abi: 9 }, {}],
  ["a program of 32 bits", { ...GLIBC, class: 1 }, {}],
  ["a CPU without images", { ...GLIBC, machine: 243 }, { arch: undefined, libc: "glibc" }],
] satisfies [string, ElfFile, object][]) {
  test(`reads ${name}`, async () => {
    assert.deepEqual(await read(elfFile(file)), { format: "elf", ...expected });
  });
}

test("a binary fits its CPU and C library, and a static one both libraries", async () => {
  const glibc = await read(elfFile(GLIBC));
  const free = await read(elfFile({}));
  assert.ok(glibc && free);
  assert.ok(fitsPlatform(glibc, platform("amd64", "glibc")));
  assert.ok(!fitsPlatform(glibc, platform("amd64", "musl")));
  assert.ok(!fitsPlatform(glibc, platform("arm64", "glibc")));
  assert.ok(fitsPlatform(free, platform("amd64", "musl")));
});

test("tells programs of other systems from text, and ignores object files", async () => {
  assert.deepEqual(await read(Buffer.from("cffaedfe07000001", "hex")), { format: "mach-o" });
  assert.deepEqual(await read(Buffer.from("cafebabe00000002", "hex")), { format: "mach-o" });
  assert.equal(await read(Buffer.from("cafebabe00000034", "hex")), undefined, "a Java class");
  assert.deepEqual(await read("MZ\x90\0"), { format: "pe" });
  assert.equal(await read("#!/usr/bin/env node\n"), undefined);
  assert.equal(await read(""), undefined);
  assert.equal(await read(elfFile({ type: 1 })), undefined);
});

test("the loader of a Linux machine belongs to glibc, whatever the CPU", () => {
  assert.equal(libcOf(["ld-linux-aarch64.so.1"]), "glibc");
  assert.equal(libcOf([]), undefined);
});

test("reads any damaged file without an error", async () => {
  const sound = elfFile({ ...GLIBC, interpreter: "/lib64/ld-linux-x86-64.so.2" });
  const damage = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(damage, fc.nat(sound.length), async (changes, length) => {
      const bytes = Buffer.from(sound);
      for (const [at, value] of changes) bytes[at] = value;
      await read(bytes.subarray(0, length));
    }),
    { numRuns: 50 },
  );
});

test("reads little of a large file", async () => {
  const path = join(folder, "large");
  await writeFile(path, elfFile(GLIBC));
  await truncate(path, 2 ** 33);
  assert.deepEqual(await readBinary(path), { format: "elf", arch: "amd64", libc: "glibc" });
});
