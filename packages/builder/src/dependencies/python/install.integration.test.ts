import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { tempDir } from "@faas/testing";
import { build } from "../../bundle/build.ts";
import { builtBundle, bundleContent, type Files, sourceFolder } from "../../testing/source-folder.ts";

/** No test needs a network: packages have their own build backend, and nothing listens on the index's port. */
before(() => {
  process.env.PIP_INDEX_URL = "http://127.0.0.1:1/simple";
  process.env.PIP_RETRIES = "0";
});

/** Backend that leaves a file in the folder of the package, as setuptools does. */
const BACKEND = `import os, zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    os.makedirs("build", exist_ok=True)
    name = "mylib-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        wheel.write("mylib/__init__.py")
        wheel.writestr("mylib-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: mylib\\nVersion: 1.0\\n")
        wheel.writestr("mylib-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("mylib-1.0.dist-info/RECORD", "")
    return name
`;
const library = (folder: string): Files => ({
  [`${folder}/pyproject.toml`]:
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "mylib"\nversion = "1.0"\n',
  [`${folder}/backend.py`]: BACKEND,
  [`${folder}/mylib/__init__.py`]: "V = 9\n",
});

test("installs an editable package of an included file and writes nothing into its folder", async () => {
  const root = await sourceFolder({
    "fn/main.py": "",
    "fn/requirements.txt": "-r more/requirements.txt\n",
    "fn/more/requirements.txt": "-e file:../lib\n",
    ...library("lib"),
  });
  const before = await readdir(root, { recursive: true });
  const content = await bundleContent(await builtBundle(join(root, "fn"), { cacheDir: tempDir() }));
  assert.match(content.get(".packages/mylib/__init__.py")?.text ?? "", /V = 9/);
  // Nothing depends on the folder in which it was built.
  const origin = content.get(".packages/mylib-1.0.dist-info/direct_url.json")?.text ?? "";
  assert.match(origin, /"file:\/\/\/tmp\/manifests\/local\/lib"/);
  const digest = createHash("sha256").update(origin).digest("base64url");
  const record = content.get(".packages/mylib-1.0.dist-info/RECORD")?.text ?? "";
  assert.ok(record.includes(`mylib-1.0.dist-info/direct_url.json,sha256=${digest},${origin.length}`), record);
  assert.deepEqual(await readdir(root, { recursive: true }), before);
});

/** Writes the wheel of a package `greeter` and returns its digest. */
function writeWheel(path: string): string {
  const program = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("space/greeter.py", "V = 1\\n")
    info = "greeter-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: greeter\\nVersion: 1.0\\nRequires-Dist: missing\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
`;
  const { status, stderr } = spawnSync("python3", ["-I", "-S", "-c", program, path], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Lock file of uv with a package from a folder of wheels and one from a folder of sources. */
const uvLock = (digest: string) => `[[package]]
name = "fn"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "greeter" }, { name = "mylib" }]
[package.metadata]
requires-dist = [{ name = "greeter" }, { name = "mylib", directory = "lib" }]
[[package]]
name = "greeter"
version = "1.0"
source = { registry = "wheels" }
wheels = [{ path = "greeter-1.0-py3-none-any.whl", hash = "sha256:${digest}" }]
[[package]]
name = "mylib"
version = "1.0"
source = { directory = "lib" }
`;

test("installs exactly the packages of a lock file, and rejects a file with another digest", async () => {
  const folder = await sourceFolder({
    "main.py": "",
    "pyproject.toml":
      '[build-system]\nrequires = []\n[project]\nname = "fn"\nversion = "1"\ndependencies = ["greeter", "mylib"]\n[tool.uv.sources]\nmylib = { path = "lib" }\n',
    "wheels/x": "",
    ...library("lib"),
  });
  const digest = writeWheel(join(folder, "wheels/greeter-1.0-py3-none-any.whl"));
  await writeFile(join(folder, "uv.lock"), uvLock(digest));
  const before = await readdir(folder, { recursive: true });
  const content = await bundleContent(await builtBundle(folder, { cacheDir: tempDir() }));
  assert.match(content.get(".packages/space/greeter.py")?.text ?? "", /V = 1/);
  assert.match(content.get(".packages/mylib/__init__.py")?.text ?? "", /V = 9/);
  assert.match(content.get(".packages/fn-1.dist-info/METADATA")?.text ?? "", /Name: fn/);
  assert.deepEqual(await readdir(folder, { recursive: true }), before);

  await writeFile(join(folder, "uv.lock"), uvLock("0".repeat(64)));
  await assert.rejects(build(folder, { cacheDir: tempDir() }), { code: "INSTALL_FAILED", message: /HASHES/i });
});
