import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { FaasProcess } from "@faas/testing";

/** Modes do not bind root, unless it gives up what exempts it from them (capabilities(7)). */
const CAPABILITIES = "-dac_override,-dac_read_search";
const bound =
  process.getuid?.() === 0 ? ["setpriv", "--bounding-set", CAPABILITIES, "--inh-caps", CAPABILITIES] : ["env"];

const program = join(import.meta.dirname, "../../packages/cli/bin/faas.js");

for (const [what, name, mode] of [
  ["a folder that may not be read", ".", 0o000],
  ["a folder in it that may not be read", "lib", 0o000],
  ["a file in it that may not be read", "index.mjs", 0o000],
] as const) {
  test(`${what} is refused by name, exit code 1, and what serves goes on`, async () => {
    await using faas = new FaasProcess();
    const { url } = await faas.up();
    const files = { "index.mjs": "export const handler = () => 'served';\n" };
    assert.equal((await faas.deploy("kept", files)).code, 0);
    await faas.source("kept/lib", { "a.mjs": "" });
    const path = join(faas.folder, "kept", name);
    await chmod(path, mode);
    const [command, ...args] = [
      ...bound,
      process.execPath,
      program,
      "deploy",
      "kept",
      "--org",
      "acme",
      "--endpoint",
      "kept",
    ];
    const failure = await promisify(execFile)(command as string, args, { cwd: faas.folder, env: faas.env }).then(
      () => assert.fail("it was deployed"),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    await chmod(path, 0o755);
    assert.deepEqual([failure.code, failure.stdout], [1, ""], failure.stderr);
    assert.match(failure.stderr, /^error: Cannot read .*: it may not be read[\s\S]*\(SOURCE_UNREADABLE\)/m);
    assert.ok(failure.stderr.includes(path), failure.stderr);
    assert.doesNotMatch(failure.stderr, /\n {4}at /);
    assert.equal(await (await fetch(`${url}/acme/kept`)).text(), "served");
  });
}
