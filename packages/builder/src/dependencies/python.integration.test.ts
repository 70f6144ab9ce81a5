import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { tempDir } from "@faas/testing";
import { build } from "../bundle/build.ts";
import { builtBundle, bundleContent, type Files, sourceFolder } from "../testing/source-folder.ts";

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

for (const [line, at] of [
  ["-e ./lib", "fn/lib"],
  ["--editable=lib", "fn/lib"],
  ["-e file:../lib", "lib"],
  ["./lib ; python_version > '3'", "fn/lib"],
  ["-r more/requirements.txt", "fn/lib"],
] as const)
  test(`installs the local package of "${line}" and writes nothing into its folder`, async () => {
    const root = await sourceFolder({
      "fn/main.py": "",
      "fn/requirements.txt": `${line}\n`,
      "fn/more/requirements.txt": "-e ./lib\n",
      ...library(at),
    });
    const before = await readdir(root, { recursive: true });
    const content = await bundleContent(await builtBundle(join(root, "fn"), { cacheDir: tempDir() }));
    assert.match(content.get(".packages/mylib/__init__.py")?.text ?? "", /V = 9/);
    assert.deepEqual(await readdir(root, { recursive: true }), before);
  });

for (const [title, files, message] of [
  [
    "dependencies in Poetry's own table",
    { "pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.9"\nsix = "^1.16"\n' },
    /tool\.poetry\.dependencies in .*pyproject\.toml cannot be used.* Run "poetry export /,
  ],
  ["a Pipfile", { Pipfile: '[packages]\nsix = "*"\n' }, /Pipfile cannot be used.* Run "pipenv requirements /],
] as const)
  test(`rejects ${title} and names the command that writes a requirements.txt`, async () => {
    const folder = await sourceFolder({ "main.py": "", ...files });
    await assert.rejects(build(folder, { cacheDir: tempDir() }), { code: "MANIFEST_INVALID", message });
  });
