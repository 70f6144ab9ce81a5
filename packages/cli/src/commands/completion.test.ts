import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { commands } from "../program.ts";
import { runHere } from "../testing/test-cli.ts";
import { testServer } from "../testing/test-server.ts";

const run = promisify(execFile);
const server = await testServer();
const cwd = import.meta.dirname;
const bin = join(server.folder, "bin");

before(async () => {
  await server.deploy("acme/invert", "export const handler = () => 1;\n");
  // What the script calls as `faas`.
  const program = join(import.meta.dirname, "../../bin/faas.js");
  await mkdir(bin);
  await writeFile(join(bin, "faas"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  await chmod(join(bin, "faas"), 0o755);
});

/** What bash offers after these words; the last one is being typed. */
async function offered(words: string[], env: Record<string, string> = { FAAS_SERVER: server.url }): Promise<string[]> {
  const { stdout: script } = await runHere({ after: () => {} }, ["completion", "bash"], { cwd });
  const ask = `\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _faas; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const path = `${bin}:${process.env.PATH}`;
  const { stdout } = await run("bash", ["-c", script + ask, "-", ...words], { env: { ...env, PATH: path } });
  return stdout.split("\n").filter(Boolean);
}

for (const [words, expected] of [
  [["de"], ["dev", "deploy", "describe"]],
  [["deploy", "--max"], ["--max-replicas"]],
  [
    ["deploy", "--runtime", ""],
    ["node", "typescript", "python", "dockerfile"],
  ],
  [["list", "--ser"], ["--server"]],
  [["--server", "http://x", "list", "--output", "y"], ["yaml"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["invoke", "acme/"], ["acme/invert"]],
  [["deploy", "--env-file", ""], []],
  [["org", "reg"], ["registry-login"]],
  [["org", "registry-login", "--user"], ["--username"]],
] as const) {
  test(`bash completes "faas ${words.join(" ")}"`, async () => {
    assert.deepEqual(await offered(["faas", ...words]), expected);
  });
}

test("without a server names complete to nothing, quietly", async () => {
  assert.deepEqual(await offered(["faas", "invoke", ""], { FAAS_SERVER: "http://127.0.0.1:1" }), []);
});

for (const shell of ["bash", "zsh", "fish"]) {
  test(`the script for ${shell} knows every command, on stdout alone`, async (t) => {
    const { code, stdout, stderr } = await runHere(t, ["completion", shell], { cwd });
    assert.deepEqual([code, stderr], [0, ""]);
    for (const verb of Object.keys(commands)) assert.match(stdout, new RegExp(`\\b${verb}\\b`));
  });
}

test("another shell is refused with those that there are", async (t) => {
  const { code, stderr } = await runHere(t, ["completion", "tcsh"], { cwd });
  assert.equal(code, 2);
  assert.match(stderr, /bash, zsh, fish/);
});
