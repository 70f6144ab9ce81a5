import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { tempDir } from "@faas/testing";

const root = join(import.meta.dirname, "../..");
const PACKAGES = ["bench", "builder", "cli", "core", "gateway", "installer", "platforms", "server", "testing"];

/** Runs `npm run floors` on a tree with these files, and returns the rule and file of each violation. */
async function violations(files: Readonly<Record<string, string>>): Promise<string[]> {
  const folder = tempDir("floors");
  await mkdir(join(folder, "node_modules/@faas"), { recursive: true });
  const all: Record<string, string> = {
    "package.json": "{}",
    "node_modules/undeclared/package.json": '{"name":"undeclared"}',
    "node_modules/undeclared/index.js": "",
    "templates/index.mjs": "",
    "test/index.ts": "",
    ...files,
  };
  for (const name of PACKAGES) {
    all[`packages/${name}/package.json`] = JSON.stringify({
      name: `@faas/${name}`,
      exports: { ".": { "faas-source": "./src/index.ts" } },
      dependencies: Object.fromEntries(PACKAGES.map((each) => [`@faas/${each}`, "*"])),
    });
    all[`packages/${name}/src/index.ts`] ??= "export const x = 1;\nexport type X = 1;\n";
    await symlink(join("../../packages", name), join(folder, "node_modules/@faas", name));
  }
  for (const [file, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  const cruise = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const hooks = join(root, "test/repository/typescript-api.mjs");
  const args = ["--import", hooks, cruise, "--config", join(root, ".dependency-cruiser.mjs"), "--output-type", "json"];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, "packages", "test", "templates"], {
    cwd: folder,
    maxBuffer: 2 ** 24,
  }).catch((error: { stdout: string }) => error);
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string }; from: string }[] } };
  return summary.violations.map(({ rule, from }) => `${rule.name} ${from}`);
}

test("floors accept imports from packages below, lazy loading, and helpers in tests", async () => {
  const files = {
    "packages/server/src/index.ts": 'import { x } from "@faas/gateway";\nexport const y = x;\n',
    "packages/server/src/a.test.ts": 'import "@faas/testing";\nimport "../../cli/src/index.ts";\n',
    "packages/cli/src/commands/up.ts":
      'import type { X } from "@faas/server";\nexport const y = (): X => import("@faas/server") as never;\n',
    "packages/core/src/index.ts":
      'import { createHash } from "node:crypto";\nexport const x = createHash;\nexport type X = 1;\n',
    "templates/index.mjs": 'import "node:fs";\n',
  };
  assert.deepEqual(await violations(files), []);
});

test("floors report each kind of wrong import", async () => {
  const wrong: [rule: string, file: string, text: string][] = [
    [
      "floor-of-core",
      "packages/core/src/index.ts",
      'import "@faas/platforms";\nexport const x = 1;\nexport type X = 1;\n',
    ],
    [
      "floor-of-gateway",
      "packages/gateway/src/type.ts",
      'import type { X } from "@faas/server";\nexport type Y = X;\n',
    ],
    ["no-circular", "packages/bench/src/circle.ts", 'import type { B } from "./counterpart.ts";\nexport type A = B;\n'],
    ["testing-from-tests-only", "packages/gateway/src/helper.ts", 'import "@faas/testing";\n'],
    ["lazy-server", "packages/cli/src/commands/up.ts", 'import "@faas/server";\n'],
    ["lazy-server-files", "packages/cli/src/commands/list.ts", 'export const y = () => import("@faas/server");\n'],
    ["lazy-installer", "packages/cli/src/commands/uninstall.ts", 'import "@faas/installer";\n'],
    [
      "lazy-installer-files",
      "packages/cli/src/commands/down.ts",
      'export const y = () => import("@faas/installer");\n',
    ],
    ["no-path-into-packages", "packages/server/src/path.ts", 'import "../../gateway/src/index.ts";\n'],
    ["core-without-io", "packages/core/src/io.ts", 'import "node:fs";\n'],
    ["templates-and-wrappers-alone", "templates/index.mjs", 'import "@faas/core";\n'],
    ["undeclared-dependency", "packages/builder/src/undeclared.ts", 'import "undeclared";\n'],
    ["not-to-unresolvable", "packages/builder/src/unresolvable.ts", 'import "./missing.ts";\n'],
  ];
  const found = await violations({
    ...Object.fromEntries(wrong.map(([, file, text]) => [file, text])),
    "packages/bench/src/counterpart.ts": 'import type { A } from "./circle.ts";\nexport type B = A;\n',
  });
  for (const [rule, file] of wrong) assert.ok(found.includes(`${rule} ${file}`), `${rule} ${file} is not in ${found}`);
});
