import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FaasError } from "@faas/core";
import { tempDir } from "@faas/testing";
import { openFunctions } from "./functions.ts";

const root = tempDir("functions");
const project = {
  org: "acme",
  memory: "128Mi",
  env: { LEVEL: "info", REGION: "eu" },
  secrets: { TOKEN: "token" },
  functions: {
    api: { folder: "services/api", concurrency: 8, env: { LEVEL: "debug", TOKEN: "none" } },
    worker: { folder: "services/worker", memory: "512Mi", secrets: { REGION: "region" } },
    admin: { folder: "services/api/admin" },
    site: {},
  },
};
await writeFile(join(root, "faas.json"), JSON.stringify(project));
for (const folder of ["services/api/admin/views", "services/worker", "site", "docs", "alone"])
  await mkdir(join(root, folder), { recursive: true });
await writeFile(join(root, "alone/faas.json"), '{"endpoint":"alone"}');

const select = async (first?: string, names: readonly string[] = [], cwd = root) =>
  (await openFunctions(first, names, cwd)).functions?.map(({ name }) => name);

test("a function has the shared fields, its own, and its name as endpoint", async () => {
  const { functions = [] } = await openFunctions(undefined, [], root);
  const [api, worker] = functions;
  assert.deepEqual(api, {
    name: "api",
    folder: join(root, "services/api"),
    project: {
      ...{ org: "acme", endpoint: "api", memory: "128Mi", concurrency: 8 },
      env: { LEVEL: "debug", REGION: "eu", TOKEN: "none" },
      secrets: {},
    },
  });
  assert.deepEqual(worker?.project, {
    ...{ org: "acme", endpoint: "worker", memory: "512Mi" },
    env: { LEVEL: "info" },
    secrets: { TOKEN: "token", REGION: "region" },
  });
});

test("the folder of a function is its name by default", async () => {
  const { functions = [] } = await openFunctions("site", [], root);
  assert.deepEqual(
    functions.map(({ folder }) => folder),
    [join(root, "site")],
  );
});

for (const [title, first, names, cwd, expected] of [
  ["all at the folder of faas.json", undefined, [], "", ["api", "worker", "admin", "site"]],
  ["all of the given folder of faas.json", ".", [], "", ["api", "worker", "admin", "site"]],
  ["named ones, in the order of the file", "site", ["api"], "", ["api", "site"]],
  ["named ones from a folder below", "site", [], "docs", ["site"]],
  ["named ones after a folder", "..", ["worker"], "docs", ["worker"]],
  ["those below a folder", "services", [], "", ["api", "worker", "admin"]],
  ["the innermost one around the working directory", undefined, [], "services/api/admin/views", ["admin"]],
  ["all in a folder without a function", undefined, [], "docs", ["api", "worker", "admin", "site"]],
] as const)
  test(`selects ${title}`, async () => {
    assert.deepEqual(await select(first, names, join(root, cwd)), expected);
  });

test("a folder with its own faas.json is one function", async () => {
  const { source, functions } = await openFunctions("alone", [], root);
  assert.deepEqual([source, functions], [join(root, "alone"), undefined]);
});

test("without a folder the one of faas.json is used, and with a folder the faas.json above applies", async () => {
  await mkdir(join(root, "alone/src"));
  const without = await openFunctions(undefined, [], join(root, "alone/src"));
  assert.equal(without.source, join(root, "alone"));
  const { source, found } = await openFunctions("src", [], join(root, "alone"));
  assert.deepEqual([source, found?.project.endpoint], [join(root, "alone/src"), "alone"]);
});

test("a missing folder of a function is named before anything is built, with a similar one", async () => {
  const folder = join(root, "typo");
  await mkdir(join(folder, "services"), { recursive: true });
  await writeFile(join(folder, "faas.json"), '{"functions":{"api":{"folder":"servics"}}}');
  await assert.rejects(openFunctions(undefined, [], folder), {
    code: "SOURCE_UNREADABLE",
    message: `There is no folder ${join(folder, "servics")}`,
    extensions: { suggestion: "services" },
  });
});

for (const [first, names, message, suggestion] of [
  ["apj", [], /Expected a function of \S+faas\.json, api, worker, admin, site, or a folder of one, got "apj"/, "api"],
  ["docs", [], /got "docs"/, undefined],
  ["api", ["wroker"], /got "wroker"/, "worker"],
  ["alone", ["api"], /Expected one folder, got "api" too/, undefined],
] as const)
  test(`rejects ${[first, ...names].join(" ")}`, async () => {
    await assert.rejects(openFunctions(first, names, root), (error) => {
      assert.ok(error instanceof FaasError);
      assert.deepEqual([error.code, error.extensions.suggestion], ["USAGE", suggestion]);
      assert.match(error.message, message);
      return true;
    });
  });
