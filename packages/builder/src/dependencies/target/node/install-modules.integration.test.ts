import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { tempDir } from "@faas/testing";
import { elfFile } from "../../../testing/elf-file.ts";
import { type Files, sourceFolder } from "../../../testing/source-folder.ts";
import { dependencyContext } from "../../context.ts";
import { installForTarget } from "../install.ts";

/** No test needs a network: packages are on the local disk, and nothing listens on the registry's port. */
before(() => {
  process.env.npm_config_registry = "http://127.0.0.1:1/";
  process.env.npm_config_fetch_retries = "0";
});

const platform = { os: "linux", arch: process.arch === "arm64" ? "amd64" : "arm64", libc: "musl" } as const;
const cpu = { amd64: "x64", arm64: "arm64" }[platform.arch];
const addon = elfFile({ machine: platform.arch === "arm64" ? 183 : 62, needed: ["libc.musl-any.so.1"] });

async function install(source: string) {
  const folder = tempDir();
  const lines: string[] = [];
  const context = await dependencyContext("node", source);
  assert.ok(context);
  const options = { env: process.env, signal: undefined, onLine: (line: string) => lines.push(line) };
  await installForTarget("node", context, { platform, runtimeVersion: "99.1.0" }, folder, options);
  return { folder, lines };
}

/** Files of a local package in a folder with its name. */
const local = (manifest: { name: string; [field: string]: unknown }): Files => ({
  [`${manifest.name}/package.json`]: JSON.stringify({ version: "1.0.0", ...manifest }),
  [`${manifest.name}/index.js`]: "",
});

test("installs for another platform: required, optional and engines are judged by it, and no script runs", async () => {
  const marker = join(tempDir(), "ran");
  const source = await sourceFolder({
    "package.json": JSON.stringify({
      dependencies: { required: "file:./required", engine: "file:./engine", launcher: "file:./launcher" },
      optionalDependencies: { mine: "file:./mine", native: "file:./native" },
    }),
    ".npmrc": "engine-strict=true\n//127.0.0.1:1/:_authToken=secret\n",
    ...local({ name: "required", cpu: [cpu] }),
    ...local({ name: "engine", engines: { node: ">=99" } }),
    ...local({ name: "mine", cpu: [process.arch] }),
    ...local({ name: "native", libc: ["musl"], os: ["linux"] }),
    ...local({
      name: "launcher",
      optionalDependencies: { native: "1.0.0" },
      scripts: { postinstall: `touch ${marker}` },
    }),
  });
  await writeFile(join(source, "native/a.node"), addon);
  const { folder, lines } = await install(source);
  assert.deepEqual(await readdir(folder), ["node_modules"]);
  assert.deepEqual((await readdir(join(folder, "node_modules"))).sort(), ["engine", "launcher", "native", "required"]);
  assert.deepEqual(lines, [`Skipped the scripts of launcher 1.0.0 (postinstall: touch ${marker})`]);
  assert.ok(!existsSync(marker));
});
