import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { tempDir } from "@faas/testing";
import { elfFile } from "../../../testing/elf-file.ts";
import { type Files, sourceFolder } from "../../../testing/source-folder.ts";
import { dependencyContext } from "../../context.ts";
import { installForTarget } from "../install.ts";
import { checkPackages } from "./check-packages.ts";
import { compileWrapper } from "./compile.ts";

/** No test needs a network: packages are on the local disk, and nothing listens on the index's port. */
before(() => {
  process.env.PIP_INDEX_URL = "http://127.0.0.1:1/simple";
  process.env.PIP_RETRIES = "0";
});

const isArm = process.arch === "arm64";
const platform = { os: "linux", arch: isArm ? "amd64" : "arm64", libc: "glibc" } as const;
const [machine, hostMachine] = isArm ? ["x86_64", "aarch64"] : ["aarch64", "x86_64"];
const library = elfFile({ machine: isArm ? 62 : 183, needed: ["libc.so.6"] });
const options = { env: process.env, signal: undefined };
const { stdout } = spawnSync("python3", ["-I", "-S", "-c", "import platform; print(platform.python_version())"]);
const runtimeVersion = stdout.toString().trim();

async function install(files: Files) {
  const folder = tempDir();
  const context = await dependencyContext("python", await sourceFolder({ "main.py": "", ...files }));
  assert.ok(context);
  await installForTarget("python", context, { platform, runtimeVersion }, folder, options);
  return folder;
}

/** Writes a wheel with a library, a command, and a dependency for this machine's CPU alone. */
const WHEEL = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("native.so", sys.stdin.buffer.read())
    wheel.writestr("native.py", "V = 1\\n")
    info = "native-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: native\\nVersion: 1.0\\nRequires-Dist: missing; platform_machine == '" + sys.argv[2] + "'\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: false\\nTag: cp39-abi3-any\\n")
    wheel.writestr(info + "entry_points.txt", "[console_scripts]\\nnative = native:V\\n")
    wheel.writestr(info + "RECORD", "native.so,,\\nnative.py,,\\n")
`;

test("installs for another CPU, with its conditions, as a container of it would", async () => {
  const wheel = `native-1.0-cp39-abi3-manylinux_2_17_${machine}.whl`;
  const wheels = tempDir();
  spawnSync("python3", ["-I", "-S", "-c", WHEEL, join(wheels, wheel), hostMachine], { input: library });
  const folder = await install({ "requirements.txt": `${join(wheels, wheel)}\n` });
  assert.deepEqual(await readdir(folder), [".packages"]);
  const packages = join(folder, ".packages");
  assert.match(await readFile(join(packages, "bin/native"), "latin1"), /^#!\/usr\/bin\/env python3\n/);
  const [compiled = ""] = await readdir(join(packages, "__pycache__"));
  assert.match(await readFile(join(packages, "__pycache__", compiled), "latin1"), /\/app\/\.packages\/native\.py/);
});

test("packages whose installation would run code are rejected before that", async () => {
  const text =
    "a @ git+https://127.0.0.1:1/a.git\nb @ https://127.0.0.1:1/b.tar.gz\nc @ https://127.0.0.1:1/c-1-py3-none-any.whl\n";
  await assert.rejects(install({ "requirements.txt": text }), {
    code: "NO_PREBUILT_PACKAGE",
    message: /: a comes from a repository.*; b comes from an archive of sources and has to be built\. Deploy/,
  });
});

test("a library for another platform and a local package that was compiled are named", async () => {
  const record = (name: string) => `${name},sha256=x,1\n`;
  const packages = await sourceFolder({
    "other-1.0.dist-info/RECORD": record("other.so"),
    "both-1.0.dist-info/RECORD": record("other.so"),
    "local-2.0.dist-info/direct_url.json": '{"dir_info": {}, "url": "file:///src"}',
    "local-2.0.dist-info/WHEEL": "Tag: cp311-cp311-linux_x86_64\n",
    "pure-1.0.dist-info/direct_url.json": '{"dir_info": {}, "url": "file:///src"}',
    "pure-1.0.dist-info/WHEEL": "Tag: py3-none-any\n",
    "wheel-1.0.dist-info/direct_url.json": '{"archive_info": {}, "url": "file:///w-1.0-cp311-cp311-linux_x86_64.whl"}',
    "wheel-1.0.dist-info/WHEEL": "Tag: cp311-cp311-linux_x86_64\n",
  });
  await writeFile(join(packages, "other.so"), elfFile({ machine: 8 }));
  await assert.rejects(checkPackages(packages, platform), {
    message:
      /: both 1\.0 has binaries.*; local 2\.0 is a local package.*; other 1\.0 has binaries for another CPU only\. /,
  });
  await writeFile(join(packages, "both-1.0.dist-info/RECORD"), `${record("other.so")}"fits,too.so",,\n`);
  await writeFile(join(packages, "fits,too.so"), library);
  await assert.rejects(checkPackages(packages, platform), { message: /\(glibc\): local 2\.0 .*; other 1\.0 / });
});

test("compiles the wrapper with a Python of the image's version, and says when there is none", async () => {
  const folder = tempDir();
  const compile = (version: string) =>
    compileWrapper("X = 1\n", folder, { platform, runtimeVersion: version }, options);
  assert.equal(await compile("3.2.1"), false);
  assert.equal(await compile(runtimeVersion), true);
  assert.deepEqual(await readdir(folder), [".interface.pyc"]);
  assert.match(await readFile(join(folder, ".interface.pyc"), "latin1"), /\/app\/\.interface\.py/);
});
