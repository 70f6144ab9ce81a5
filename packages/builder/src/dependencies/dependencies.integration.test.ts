import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { FaasError } from "@faas/core";
import { tempDir } from "@faas/testing";
import { build } from "../bundle/build.ts";
import { builtBundle, bundleContent, type Files, sourceFolder, writeFiles } from "../testing/source-folder.ts";

/** No test needs a network: packages are on the local disk, and nothing listens on the registry's port. */
before(() => {
  process.env.npm_config_registry = "http://127.0.0.1:1/";
  process.env.npm_config_fetch_retries = "0";
  process.env.PIP_INDEX_URL = "http://127.0.0.1:1/simple";
  process.env.PIP_RETRIES = "0";
});

const handler = { "index.mjs": 'import { greet } from "greeter";\nexport const handler = () => greet();\n' };
const greeter = (text: string): Files => ({
  "greeter/package.json": '{"name":"greeter","version":"1.0.0","type":"module","exports":"./greeter.js"}',
  "greeter/greeter.js": `export const greet = () => "${text}";\n`,
});
const manifest = { "package.json": '{"type":"module","dependencies":{"greeter":"file:./greeter"}}' };
const installed = async (cacheDir: string) =>
  (await readdir(join(cacheDir, "dependencies"))).filter((name) => !name.startsWith("."));

test("installs a package into the bundle, reuses it while unchanged, and installs it again after a change", async (t) => {
  const cacheDir = tempDir();
  const folder = await sourceFolder({ ...handler, ...manifest, ...greeter("hello") });
  const first = await builtBundle(folder, { cacheDir });
  const content = await bundleContent(first);
  assert.match(content.get("node_modules/greeter/greeter.js")?.text ?? "", /hello/);
  assert.ok(![...content.keys()].some((name) => name.endsWith(".package-lock.json")));
  assert.equal((await installed(cacheDir)).length, 1);

  // Without npm, only the cache can supply the package.
  const { PATH } = process.env;
  process.env.PATH = "";
  t.after(() => {
    process.env.PATH = PATH;
  });
  await writeFile(join(folder, "more.txt"), "the code changed, its dependencies did not");
  const again = await builtBundle(folder, { cacheDir });
  assert.notEqual(again.digest, first.digest);
  assert.ok((await bundleContent(again)).has("node_modules/greeter/greeter.js"));
  await writeFile(join(folder, "greeter/greeter.js"), greeter("changed")["greeter/greeter.js"] as string);
  await assert.rejects(build(folder, { cacheDir }), { code: "INSTALL_FAILED", message: /"npm" is not on the PATH/ });
  process.env.PATH = PATH;
  const changed = await bundleContent(await builtBundle(folder, { cacheDir }));
  assert.match(changed.get("node_modules/greeter/greeter.js")?.text ?? "", /changed/);
});

test("equal dependencies give equal bundles in different folders and caches", async () => {
  const files = { ...handler, ...manifest, ...greeter("same") };
  const [a, b] = [
    await builtBundle(await sourceFolder(files), { cacheDir: tempDir() }),
    await builtBundle(await sourceFolder(files), { cacheDir: tempDir() }),
  ];
  assert.equal(a.digest, b.digest);
});

test("installs from the lock file, and rejects a manifest that does not match it", async () => {
  const cacheDir = tempDir();
  const files = { ...handler, ...manifest, ...greeter("locked") };
  const folder = await sourceFolder(files);
  const { status, stderr } = spawnSync("npm", ["install", "--package-lock-only", "--no-audit"], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  const content = await bundleContent(await builtBundle(folder, { cacheDir }));
  assert.match(content.get("node_modules/greeter/greeter.js")?.text ?? "", /locked/);
  assert.equal(content.get("node_modules/greeter")?.linkname, undefined);
  await writeFile(
    join(folder, "package.json"),
    '{"dependencies":{"greeter":"file:./greeter","another":"file:./another"}}',
  );
  await writeFiles(folder, { "another/package.json": '{"name":"another","version":"1.0.0"}' });
  await assert.rejects(build(folder, { cacheDir }), {
    code: "INSTALL_FAILED",
    message: /npm ci.*(sync|Missing: another)/s,
  });
});

test("a failed installation reports npm's reason and leaves the cache empty", async () => {
  const cacheDir = tempDir();
  const folder = await sourceFolder({
    "index.mjs": "",
    "package.json": '{"dependencies":{"no-such-package":"1.0.0"}}',
  });
  const failure = await build(folder, { cacheDir }).then(
    () => assert.fail("it was built"),
    (error: unknown) => error,
  );
  assert.ok(failure instanceof FaasError);
  assert.equal(failure.code, "INSTALL_FAILED");
  assert.match(failure.message, /^"npm install" ended with exit code 1: .*127\.0\.0\.1:1\/no-such-package/);
  assert.match(JSON.stringify(failure.extensions.lastLogLines), /ECONNREFUSED/);
  assert.deepEqual(await readdir(join(cacheDir, "dependencies")), []);
});

test("the error for a missing local package names it", async () => {
  const folder = await sourceFolder({ "index.mjs": "", "package.json": '{"dependencies":{"a":"file:./gone"}}' });
  await assert.rejects(build(folder), { code: "SOURCE_UNREADABLE", message: /gone.*does not exist/ });
});

for (const [manifestProblem, files, message] of [
  ["package.json that does not parse", { "index.mjs": "", "package.json": '{\n  "main": }\n' }, /package\.json:2:11: /],
  ["package.json that is a list", { "index.mjs": "", "package.json": "[]" }, /package\.json: expected an object/],
  [
    "package.json whose dependencies are a list",
    { "index.mjs": "", "package.json": '{"dependencies":["a"]}' },
    /"dependencies" to be an object/,
  ],
  [
    "pyproject.toml that does not parse",
    { "main.py": "", "pyproject.toml": "[project]\nname = \n" },
    /pyproject\.toml:2:/,
  ],
  [
    "pyproject.toml with wrong dependencies",
    { "main.py": "", "pyproject.toml": "[project]\ndependencies = 1\n" },
    /list of strings/,
  ],
] as const) {
  test(`rejects a ${manifestProblem}`, async () => {
    await assert.rejects(build(await sourceFolder(files)), { code: "MANIFEST_INVALID", message });
  });
}

test("installs and caches a wheel of requirements.txt, with scripts for any Python, without compiled files", async () => {
  const cacheDir = tempDir();
  const folder = await sourceFolder({
    "main.py": "import greeter\ndef handler(event, context): return greeter.greet()\n",
    "requirements.txt": "# ours\n./greeter-1.0-py3-none-any.whl\n",
  });
  const wheel = `import zipfile
with zipfile.ZipFile("greeter-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("greeter.py", "def greet(): return 'hello'\\n")
    info = "greeter-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: greeter\\nVersion: 1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "entry_points.txt", "[console_scripts]\\ngreet = greeter:greet\\n")
    wheel.writestr(info + "RECORD", "")
`;
  const { status, stderr } = spawnSync("python3", ["-c", wheel], { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const first = await builtBundle(folder, { cacheDir });
  const content = await bundleContent(first);
  assert.match(content.get(".packages/greeter.py")?.text ?? "", /hello/);
  assert.match(
    content.get(".packages/bin/greet")?.text ?? "",
    /^#!\/usr\/bin\/env python3\n.*from greeter import greet/s,
  );
  assert.ok(![...content.keys()].some((name) => name.endsWith(".pyc")));
  assert.equal((await builtBundle(folder, { cacheDir })).digest, first.digest);
  assert.equal((await installed(cacheDir)).length, 1);
});

test("a failed Python installation reports pip's reason", async () => {
  const folder = await sourceFolder({ "main.py": "", "requirements.txt": "no-such-package==1.0\n" });
  await assert.rejects(build(folder, { cacheDir: tempDir() }), {
    code: "INSTALL_FAILED",
    message: /pip install.*no-such-package==1\.0/s,
  });
});
