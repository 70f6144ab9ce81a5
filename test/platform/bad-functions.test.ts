import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { languages, type Problem } from "@faas/core";
import { eventually } from "@faas/testing";
import { BAD_FUNCTIONS, type BrokenFunction, type MisbehavingFunction } from "./misbehaving-functions.ts";
import { ServerUnderTest } from "./server-under-test.ts";

// What users and callers of bad functions see, and that no other function suffers.

for (const poolSize of [0, 1])
  describe(`bad functions ${poolSize === 0 ? "without" : "with"} prewarmed processes`, { concurrency: 3 }, () => {
    let under: ServerUnderTest;

    before(async () => {
      under = await ServerUnderTest.start({ args: ["--pool-size", String(poolSize)] });
      const { code, stderr } = await under.deploy("bystander", {
        "index.mjs": "export const handler = () => 'fine';\n",
      });
      assert.equal(code, 0, stderr);
    });
    after(async () => {
      assert.equal(await under.text("bystander"), "fine");
      assert.equal(under.server.child.exitCode, null, under.server.stderr());
      await under[Symbol.asyncDispose]();
    });

    for (const language of languages) {
      const { file, broken, misbehaving } = BAD_FUNCTIONS[language];
      for (const [index, fn] of broken.entries())
        test(`${language}: ${fn.name}: the deployment fails and reports why`, () =>
          failsToDeploy(under, `${language}-broken-${index}`, file, fn));
      for (const [index, fn] of misbehaving.entries()) {
        // Takes seconds, and neither the pool nor TypeScript changes how the platform ends a stuck process.
        if (fn.isStuck && (language === "typescript" || poolSize === 0)) continue;
        test(`a ${language} function that ${fn.name}: ${fn.status} ${fn.code}, and the next call succeeds`, () =>
          misbehaves(under, `${language}-misbehaving-${index}`, file, fn));
      }
    }

    // How a process was started makes no difference to its output.
    if (poolSize === 0)
      test("a function that writes 40 MB of logs: the call succeeds, and only the latest logs are stored", () =>
        writesMuch(under));
  });

async function failsToDeploy(
  under: ServerUnderTest,
  name: string,
  file: string,
  { source, settings = [], message }: BrokenFunction,
): Promise<void> {
  const { code, stderr, stdout } = await under.deploy(name, { [file]: source }, ...settings);
  assert.deepEqual([code, stdout], [1, ""], stderr);
  assert.match(stderr, message);
  assert.match(stderr, /\((DEPLOY_FAILED|HANDLER_NOT_FOUND)\)/);
  assert.doesNotMatch(stderr, /deployed before|\n {4}at .*node_modules/);
}

async function misbehaves(
  under: ServerUnderTest,
  name: string,
  file: string,
  { source, settings = [], status, code, isStuck = false }: MisbehavingFunction,
): Promise<void> {
  const deployed = await under.deploy(name, { [file]: source }, ...settings);
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.equal(await under.text(name), "fine");
  // Not idempotent, so not repeated on another replica.
  const response = await under.call(name, "/bad", { method: "POST" });
  const problem = (await response.json()) as Problem;
  assert.deepEqual([response.status, problem.code], [status, code], problem.detail);
  // A computing process is ended when it has not responded for some seconds.
  const next = isStuck
    ? await eventually("a call succeeds", async () => {
        const repeated = await under.call(name);
        return repeated.status === 200 && repeated;
      })
    : await under.call(name);
  assert.deepEqual([next.status, await next.text()], [200, "fine"]);
  if (status === 502) assert.match((await under.run("logs", `acme/${name}`)).stdout, /\[faas\] replica .*: /);
}

async function writesMuch(under: ServerUnderTest): Promise<void> {
  const source = `const line = "x".repeat(999) + "\\n";
export const handler = () => {
  for (let i = 0; i < 40_000; i++) process.stdout.write(line);
  console.log("the end");
  return "fine";
};
`;
  assert.equal((await under.deploy("noisy", { "index.mjs": source })).code, 0);
  assert.equal(await under.text("noisy"), "fine");
  // The response may arrive before the output.
  await eventually(
    "the last line is logged",
    async () => /the end/.test((await under.run("logs", "acme/noisy", "--no-access", "--tail", "1")).stdout),
    { intervalMs: 100 },
  );
  const folder = join(under.faas.data, "logs/acme/noisy");
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  assert.ok(bytes < 16 * 2 ** 20, `${bytes} bytes of logs`);
}
