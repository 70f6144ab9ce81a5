import assert from "node:assert/strict";
import { test } from "node:test";
import { markersOf, pipOptions, platformTags, pythonVersion, uvOptions } from "./tags.ts";

const amd64 = { os: "linux", arch: "amd64", libc: "glibc" } as const;
const arm64 = { ...amd64, arch: "arm64" } as const;

test("names every tag of glibc that a package may have, newest first, with its older name", () => {
  const tags = platformTags(arm64);
  assert.deepEqual(tags.slice(0, 2), ["manylinux_2_28_aarch64", "manylinux_2_27_aarch64"]);
  assert.deepEqual(tags.slice(-3), ["manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64"]);
  assert.ok(platformTags(amd64).includes("manylinux1_x86_64"));
});

test("a platform with musl takes no package for glibc", () => {
  assert.deepEqual(platformTags({ ...amd64, libc: "musl" }), [
    "musllinux_1_2_x86_64",
    "musllinux_1_1_x86_64",
    "musllinux_1_0_x86_64",
    "linux_x86_64",
  ]);
});

test("both installers get the version of the image, and take no sources", () => {
  const target = { platform: arm64, runtimeVersion: "3.12.4" };
  const options = pipOptions(target);
  assert.match(
    options.join(" "),
    /^--only-binary=:all: .*--python-version 3\.12\.4 .*--abi=cp312 --abi=abi3 --abi=none$/,
  );
  assert.match(uvOptions(target).join(" "), /--python-platform aarch64-manylinux_2_28 --python-version 3\.12\.4/);
  assert.equal(markersOf(target).platform_machine, "aarch64");
});

test("without a patch version, the newest one is assumed", () => {
  assert.deepEqual(pythonVersion({ runtimeVersion: "3.11" }), { minor: "3.11", full: "3.11.99" });
});
