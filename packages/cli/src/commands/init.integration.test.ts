import assert from "node:assert/strict";
import { exec, execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { tempDir } from "@faas/testing";
import { runHere } from "../testing/test-cli.ts";

const RUNTIMES = { node: ["npm", "test"], typescript: ["npm", "test"], python: ["python3", "-m", "unittest"] } as const;

for (const [runtime, [command, ...args]] of Object.entries(RUNTIMES)) {
  test(`init --runtime ${runtime} writes a starter whose test passes without a network`, async (t) => {
    const cwd = tempDir("init");
    const { code, stdout } = await runHere(t, ["init", "hello", "--runtime", runtime], { cwd });
    assert.equal(code, 0);
    assert.deepEqual(
      stdout.trim().split("\n").sort(),
      (await readdir(join(cwd, "hello"))).map((name) => `hello/${name}`).sort(),
    );
    const env = {
      ...process.env,
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
      NODE_TEST_CONTEXT: undefined,
      PYTHONDONTWRITEBYTECODE: "1",
      npm_config_offline: "true",
    };
    await promisify(execFile)(command, args, { cwd: join(cwd, "hello"), env });
  });
}

test("init prints commands that work where the user is", async (t) => {
  const cwd = tempDir("init");
  const { stderr } = await runHere(t, ["init", "hello", "--runtime", "node"], { cwd, env: { PATH: "" } });
  const [, command = ""] = /^ {2}(.+) deploy +# deploy it as/m.exec(stderr) ?? [];
  const { stdout } = await promisify(exec)(`${command} --version`, { cwd: join(cwd, "hello") });
  assert.match(stdout, /^\d+\.\d+\.\d+/);
});
