import assert from "node:assert/strict";
import { test } from "node:test";
import { commands } from "../program.ts";
import { runHere } from "../testing/test-cli.ts";

const cwd = import.meta.dirname;

for (const shell of ["bash", "zsh", "fish"]) {
  test(`completion ${shell} prints a script with every command`, async (t) => {
    const { code, stdout, stderr } = await runHere(t, ["completion", shell], { cwd });
    assert.deepEqual([code, stderr], [0, ""]);
    for (const name of Object.keys(commands)) assert.match(stdout, new RegExp(`\\b${name}\\b`));
  });
}

test("completion rejects another shell and lists the supported ones", async (t) => {
  const { code, stderr } = await runHere(t, ["completion", "tcsh"], { cwd });
  assert.equal(code, 2);
  assert.match(stderr, /bash, zsh, fish/);
});
