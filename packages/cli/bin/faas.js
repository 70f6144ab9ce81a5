#!/usr/bin/env node
import { readFileSync } from "node:fs";
import * as module from "node:module";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`faas needs Node 22.19 or newer, and this is Node ${process.versions.node}\n`);
  process.exitCode = 1;
} else if (process.argv.length === 3 && (process.argv[2] === "--version" || process.argv[2] === "-V")) {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  process.stdout.write(`${JSON.parse(manifest).version}\n`);
} else {
  // Users can do nothing about warnings for packages, which Node leaves out only below node_modules.
  process.noDeprecation = true;
  module.enableCompileCache?.();
  const { runAsProcess } = await import("../dist/main.js");
  await runAsProcess();
}
