import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { tempDir } from "@faas/testing";
import { build } from "../bundle/build.ts";
import { builtBundle, bundleContent, type Files, sourceFolder } from "../testing/source-folder.ts";

/** No test needs a network: packages are on the local disk, and nothing listens on the registry's port. */
before(() => {
  process.env.npm_config_registry = "http://127.0.0.1:1/";
  process.env.npm_config_fetch_retries = "0";
});

const json = JSON.stringify;

const monorepo = (version: string, root: object = { workspaces: ["packages/*"] }): Files => ({
  "package.json": json({ name: "mono", private: true, ...root }),
  "packages/fn/package.json": json({
    name: "fn",
    type: "module",
    dependencies: { "@team/lib": version },
    devDependencies: { "@team/tools": "workspace:*" },
  }),
  "packages/fn/index.js": 'import { v } from "@team/lib";\nexport const handler = () => v;\n',
  "packages/lib/package.json": json({
    name: "@team/lib",
    version: "1.2.0",
    type: "module",
    main: "index.js",
    scripts: { prepare: "false" },
    dependencies: { "@team/base": version },
  }),
  "packages/lib/index.js": 'export { v } from "@team/base";\n',
  "packages/base/package.json": json({ name: "@team/base", type: "module", main: "index.js" }),
  "packages/base/index.js": 'export const v = "base";\n',
  "packages/tools/package.json": json({ name: "@team/tools", version: "1.0.0" }),
});

for (const version of ["^1.0.0", "*", "workspace:*", "workspace:^", "workspace:^1.0.0"])
  test(`takes a package of the workspace for "${version}", with those that it needs`, async () => {
    const folder = await sourceFolder(monorepo(version));
    const content = await bundleContent(await builtBundle(join(folder, "packages/fn"), { cacheDir: tempDir() }));
    assert.match(content.get("node_modules/@team/lib/index.js")?.text ?? "", /team\/base/);
    const base = [...content.keys()].filter((name) => name.endsWith("@team/base/index.js"));
    assert.equal(base.length, 1);
  });

test("finds a workspace of pnpm-workspace.yaml", async () => {
  const files = { ...monorepo("workspace:*", {}), "pnpm-workspace.yaml": 'packages:\n  # All\n  - "packages/**"\n' };
  const folder = await sourceFolder(files);
  const content = await bundleContent(await builtBundle(join(folder, "packages/fn"), { cacheDir: tempDir() }));
  assert.ok(content.has("node_modules/@team/lib/index.js"));
});

test("names a package that the workspace does not have", async () => {
  const files = monorepo("workspace:*");
  const folder = await sourceFolder({ ...files, "packages/base/package.json": json({ name: "@team/other" }) });
  await assert.rejects(build(join(folder, "packages/fn"), { cacheDir: tempDir() }), {
    code: "MANIFEST_INVALID",
    message: /"@team\/base" is "workspace:\*", but the workspace .* has no package "@team\/base"/,
  });
});

test("installs the versions of the workspace's lock file", async () => {
  const folder = await sourceFolder({
    ...monorepo("^1.0.0"),
    "packages/fn/package.json": json({ name: "fn", dependencies: { "@team/lib": "*", pinned: "file:../../pinned" } }),
    // Without a version, npm itself would ask the registry.
    "packages/base/package.json": json({ name: "@team/base", version: "1.0.0", main: "index.js" }),
    "pinned/package.json": json({ name: "pinned", version: "1.0.0" }),
    "pinned/index.js": "",
  });
  const locked = spawnSync("npm", ["install", "--package-lock-only", "--no-audit"], { cwd: folder, encoding: "utf8" });
  assert.equal(locked.status, 0, locked.stderr);
  const content = await bundleContent(await builtBundle(join(folder, "packages/fn"), { cacheDir: tempDir() }));
  for (const name of ["@team/lib", "@team/base", "pinned"])
    assert.ok(content.has(`node_modules/${name}/index.js`), name);
  await writeFile(join(folder, "package-lock.json"), json({ lockfileVersion: 3, packages: { "": {} } }));
  await assert.rejects(build(join(folder, "packages/fn"), { cacheDir: tempDir() }), {
    code: "MANIFEST_INVALID",
    message: /package-lock\.json does not list .*packages\/fn: run "npm install"/,
  });
});

test("installs from a pnpm-lock.yaml of the workspace, and runs install scripts and their programs", async () => {
  const folder = await sourceFolder({
    "package.json": json({ workspaces: ["packages/*"] }),
    "pnpm-lock.yaml": `lockfileVersion: '9.0'
importers:
  packages/fn:
    dependencies:
      lib: {specifier: 'workspace:*', version: link:../lib}
  packages/lib:
    dependencies:
      tool: {specifier: 'workspace:*', version: link:../tool}
  packages/tool: {}
`,
    "packages/fn/package.json": json({ name: "fn", dependencies: { lib: "workspace:*" } }),
    "packages/fn/index.js": "",
    "packages/lib/package.json": json({
      name: "lib",
      version: "1.0.0",
      dependencies: { tool: "workspace:*" },
      scripts: { install: "tool" },
    }),
    "packages/tool/package.json": json({ name: "tool", version: "1.0.0", bin: "tool.js" }),
    "packages/tool/tool.js": `#!/usr/bin/env node\nrequire("node:fs").writeFileSync("built.txt", "built")\n`,
  });
  const content = await bundleContent(await builtBundle(join(folder, "packages/fn"), { cacheDir: tempDir() }));
  assert.equal(content.get("node_modules/lib/built.txt")?.text, "built");
  assert.ok(content.has("node_modules/tool/tool.js"));
});

test("runs the install scripts of dependencies, and none of the project", async () => {
  const scripts = Object.fromEntries(
    ["preinstall", "install", "postinstall", "prepare", "preprepare", "prepublish"].map((name) => [name, "exit 127"]),
  );
  const folder = await sourceFolder({
    "index.js": "",
    "package.json": json({ scripts, dependencies: { native: "file:./native" } }),
    "native/package.json": json({
      name: "native",
      version: "1.0.0",
      scripts: { install: "node -e \"fs.writeFileSync('built.txt', 'built')\"", prepare: "exit 127" },
    }),
  });
  const content = await bundleContent(await builtBundle(folder, { cacheDir: tempDir() }));
  assert.equal(content.get("node_modules/native/built.txt")?.text, "built");
  assert.deepEqual((await readdir(folder)).includes("node_modules"), false);
});
