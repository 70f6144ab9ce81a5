import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { faasProgram } from "@faas/testing";
import { ServerUnderTest } from "./server-under-test.ts";

/** Command prefix without the capabilities that exempt root from file modes (capabilities(7)). */
const CAPABILITIES = "-dac_override,-dac_read_search";
const withoutCapabilities =
  process.getuid?.() === 0 ? ["setpriv", "--bounding-set", CAPABILITIES, "--inh-caps", CAPABILITIES] : ["env"];

describe("deploying a folder that contains", { concurrency: 3 }, () => {
  let under: ServerUnderTest;
  before(async () => {
    under = await ServerUnderTest.start();
    assert.equal((await under.deploy("served", { "index.mjs": "export const handler = () => 'served';\n" })).code, 0);
  });
  after(() => under[Symbol.asyncDispose]());

  for (const [description, name] of [
    ["only itself, and cannot be read", "."],
    ["an unreadable folder", "lib"],
    ["an unreadable file", "index.mjs"],
  ] as const)
    test(`${description} fails with its path, and the previous revision serves`, async () => {
      const source = `source-${name.replace(".", "-")}`;
      const files = { "index.mjs": "export const handler = () => 'changed';\n" };
      const folder = await under.faas.source(source, files);
      await under.faas.source(`${source}/lib`, { "a.mjs": "" });
      const path = join(folder, name);
      await chmod(path, 0o000);
      const deploy = ["deploy", source, "--org", "acme", "--endpoint", "served"];
      const [command = "", ...args] = [...withoutCapabilities, process.execPath, faasProgram, ...deploy];
      const { folder: cwd, env } = under.faas;
      const failure = await promisify(execFile)(command, args, { cwd, env }).then(
        () => assert.fail("The folder was deployed"),
        (error: { code: number; stdout: string; stderr: string }) => error,
      );
      await chmod(path, 0o755);
      assert.deepEqual([failure.code, failure.stdout], [1, ""], failure.stderr);
      assert.match(
        failure.stderr,
        /^error: Cannot read .*: (?:it may not be read|permission denied)[\s\S]*\(SOURCE_UNREADABLE\)/m,
      );
      assert.ok(failure.stderr.includes(path), failure.stderr);
      assert.doesNotMatch(failure.stderr, /\n {4}at /);
      assert.equal(await under.text("served"), "served");
    });
});
