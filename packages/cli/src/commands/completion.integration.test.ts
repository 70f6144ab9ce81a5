import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { runHere } from "../testing/test-cli.ts";
import { testServer } from "../testing/test-server.ts";

const run = promisify(execFile);
const server = await testServer();
const cwd = import.meta.dirname;
const bin = join(server.folder, "bin");

before(async () => {
  await server.deploy("acme/invert", "export const handler = () => 1;\n");
  for (const name of ["API_KEY", "TOKEN"])
    await server.run({ after: () => {} }, ["secret", "set", "acme", name], { input: "x" });
  // The program that the script calls as `faas`.
  const program = join(import.meta.dirname, "../../bin/faas.js");
  await mkdir(bin);
  await writeFile(join(bin, "faas"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  await chmod(join(bin, "faas"), 0o755);
});

/** Returns the completions of bash after these words; the user is typing the last one. */
async function complete(words: string[], env: Record<string, string> = { FAAS_SERVER: server.url }): Promise<string[]> {
  const { stdout: script } = await runHere({ after: () => {} }, ["completion", "bash"], { cwd });
  const ask = `\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _faas; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const path = `${bin}:${process.env.PATH}`;
  const { stdout } = await run("bash", ["-c", script + ask, "-", ...words], { env: { ...env, PATH: path } });
  return stdout.split("\n").filter(Boolean);
}

for (const [words, expected] of [
  [["de"], ["dev", "deploy", "describe"]],
  [
    ["deploy", "--max"],
    ["--max-replicas", "--max-error-rate", "--max-p95"],
  ],
  [
    ["deploy", "--runtime", ""],
    ["node", "typescript", "python", "binary", "dockerfile"],
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
  [["org", "rm", ""], ["acme"]],
  [["ls", ""], ["acme"]],
  [["rm", "-y", ""], ["acme/invert"]],
  [["deploy", "--org", ""], ["acme"]],
  [["deploy", "--org", "acme", "--secret", "A"], ["API_KEY"]],
  [
    ["secret", "set", "acme", ""],
    ["API_KEY", "TOKEN"],
  ],
  [["secret", "rm", "acme", "T"], ["TOKEN"]],
  [["secret", "set", "--from-file", "secret", ""], ["acme"]],
  [["secret", "set", "acme", "TOKEN", ""], []],
  [["key", "revoke", ""], ["acme"]],
  [["org", "registry-login", "--user"], ["--username"]],
] as const) {
  test(`bash completes "faas ${words.join(" ")}"`, async () => {
    assert.deepEqual(await complete(["faas", ...words]), expected);
  });
}

test("bash completes the schedules of the endpoint before them", async (t) => {
  const add = await server.run(t, ["schedule", "add", "acme/invert", "--cron", "@daily", "--name", "nightly"]);
  assert.equal(add.code, 0, add.stderr);
  assert.deepEqual(await complete(["faas", "schedule", "run", "acme/invert", "n"]), ["nightly"]);
});

test("bash completes the revisions of the endpoint before them", async (t) => {
  const { stdout } = await server.run(t, ["revisions", "acme/invert", "-o", "json"]);
  const [{ revision }] = JSON.parse(stdout).revisions;
  assert.deepEqual(await complete(["faas", "rollback", "acme/invert", revision.slice(0, 2)]), [revision]);
});

test("bash completes asynchronous calls, and the commands and endpoints after faas calls", async (t) => {
  const { stdout } = await server.run(t, ["invoke", "acme/invert", "--async", "--delay", "1h"]);
  assert.deepEqual(await complete(["faas", "calls", "retry", "acme/"]), [stdout.trim()]);
  assert.deepEqual(await complete(["faas", "calls", "re"]), ["response", "retry"]);
  assert.deepEqual(await complete(["faas", "calls", "acme/"]), ["acme/invert"]);
  await server.run(t, ["calls", "drop", stdout.trim()]);
});

test("bash completes no endpoints without a server", async () => {
  assert.deepEqual(await complete(["faas", "invoke", ""], { FAAS_SERVER: "http://127.0.0.1:1" }), []);
});
