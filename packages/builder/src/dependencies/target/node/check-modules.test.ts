import assert from "node:assert/strict";
import { chmod, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FaasError } from "@faas/core";
import { elfFile } from "../../../testing/elf-file.ts";
import { type Files, sourceFolder } from "../../../testing/source-folder.ts";
import { checkModules } from "./check-modules.ts";

const platform = { os: "linux", arch: "arm64", libc: "musl" } as const;

/** Files of an installed package. */
const installed = (manifest: { name: string; [field: string]: unknown }): Files => ({
  [`node_modules/${manifest.name}/package.json`]: JSON.stringify({ version: "1.0.0", ...manifest }),
});

async function check(work: string): Promise<string[]> {
  const lines: string[] = [];
  await checkModules(work, { platform, repositories: new Set(), onLine: (line) => lines.push(line) });
  return lines;
}

test("the error for packages without a binary names them, their platform and what to do", async () => {
  const work = await sourceFolder({
    "package.json": '{"dependencies":{"source":"1","@a/other":"1","tool":"1"}}',
    ...installed({ name: "source", scripts: { install: "node-gyp rebuild" } }),
    ...installed({ name: "@a/other", cpu: ["mips"] }),
    ...installed({ name: "tool" }),
    "node_modules/tool/node_modules/nested/package.json": '{"name":"nested","scripts":{"install":"node a.js"}}',
  });
  await writeFile(join(work, "node_modules/tool/tool"), elfFile({ machine: 8 }));
  await chmod(join(work, "node_modules/tool/tool"), 0o755);
  const failure = await check(work).then(
    () => assert.fail("it is complete"),
    (error: unknown) => error,
  );
  assert.ok(failure instanceof FaasError);
  assert.equal(failure.code, "NO_PREBUILT_PACKAGE");
  const names = (failure.extensions.packages as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(names, ["@a/other", "source", "tool", "nested"]);
  assert.match(
    failure.message,
    /for linux\/arm64 \(musl\): @a\/other 1\.0\.0 is for "cpu": \["mips"\] only; source 1\.0\.0 has no/,
  );
  assert.match(failure.message, /tool 1\.0\.0 has binaries for another CPU only; nested has an install script/);
  assert.match(failure.message, /Deploy with --builder docker.*ignore-scripts=true in the \.npmrc/);
});

test("an optional package without a binary is left out, and named", async () => {
  const work = await sourceFolder({
    "package.json": '{"dependencies":{"client":"1"},"optionalDependencies":{"speed":"1"}}',
    ...installed({ name: "client" }),
    ...installed({ name: "speed", scripts: { install: "node-gyp rebuild" } }),
  });
  assert.deepEqual(await check(work), [
    "Left out speed 1.0.0, which is optional: it has no binary for the platform and would be compiled (install: node-gyp rebuild)",
  ]);
  assert.deepEqual(await readdir(join(work, "node_modules")), ["client"]);
});

test("with ignore-scripts=true, as in a container, no script is missed", async () => {
  const work = await sourceFolder({
    "package.json": '{"dependencies":{"source":"1"}}',
    ".npmrc": "ignore-scripts = true\n",
    ...installed({ name: "source", scripts: { install: "node-gyp rebuild" } }),
  });
  assert.deepEqual(await check(work), []);
});
