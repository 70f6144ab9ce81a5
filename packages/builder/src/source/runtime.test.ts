import assert from "node:assert/strict";
import { test } from "node:test";
import type { Language } from "@faas/core";
import { type Files, sourceFolder } from "../testing/source-folder.ts";
import { detect } from "./runtime.ts";
import { readSource } from "./source.ts";

async function detected(names: readonly string[], more: Files = {}, runtime?: Language, handler?: string) {
  const folder = await sourceFolder({ ...Object.fromEntries(names.map((name) => [name, ""])), ...more });
  return detect(await readSource(folder, 2 ** 20), runtime, handler);
}

for (const [files, runtime, entry] of [
  [["index.mjs"], "node", "index.mjs"],
  [["index.js", "index.mjs"], "node", "index.mjs"],
  [["handler.cjs"], "node", "handler.cjs"],
  [["index.ts"], "typescript", "index.ts"],
  [["index.ts", "index.mjs"], "typescript", "index.ts"],
  [["main.mts", "tsconfig.json"], "typescript", "main.mts"],
  [["index.mjs", "types.d.ts"], "node", "index.mjs"],
  [["main.py"], "python", "main.py"],
  [["app.py", "requirements.txt"], "python", "app.py"],
  [["handler/__init__.py", "pyproject.toml"], "python", "handler/__init__.py"],
] as const) {
  test(`detects ${runtime} and ${entry} from ${files.join(" and ")}`, async () => {
    assert.deepEqual(await detected(files), { runtime, entry });
  });
}

test("main of package.json is the entry, unless there is an index file", async () => {
  const manifest = { "package.json": '{"main":"./lib/start.js"}' };
  assert.equal((await detected(["lib/start.js", "app.js"], manifest)).entry, "lib/start.js");
  assert.equal((await detected(["lib/start.js", "index.js"], manifest)).entry, "index.js");
});

for (const [main, files, expected] of [
  ["lib/start", ["lib/start.js"], { runtime: "node", entry: "lib/start.js" }],
  ["lib", ["lib/index.cjs"], { runtime: "node", entry: "lib/index.cjs" }],
  ["./src/server.ts", ["src/server.ts"], { runtime: "typescript", entry: "src/server.ts", output: "src/server" }],
  ["dist/server.js", ["src/server.ts"], { runtime: "typescript", entry: "src/server.ts", output: "dist/server" }],
  ["dist/server.js", ["dist/server.js", "src/server.ts"], { runtime: "node", entry: "dist/server.js" }],
  ["gone.js", ["src/index.js"], { runtime: "node", entry: "src/index.js" }],
] as const)
  test(`main "${main}" with ${files.join(" and ")} means ${expected.entry}`, async () => {
    assert.deepEqual(await detected(files, { "package.json": JSON.stringify({ main }) }), expected);
  });

test("main is found by outDir and rootDir of tsconfig.json", async () => {
  const found = await detected(["code/a.ts"], {
    "package.json": '{"main":"target/js/a.js"}',
    "tsconfig.json": '{"compilerOptions":{"outDir":"./target/js","rootDir":"./code"}}',
  });
  assert.deepEqual(found, { runtime: "typescript", entry: "code/a.ts", output: "target/js/a" });
});

test("the sources may be in src", async () => {
  assert.deepEqual(await detected(["src/index.ts"], { "package.json": "{}" }), {
    runtime: "typescript",
    entry: "src/index.ts",
  });
  assert.deepEqual(await detected(["src/app.js"], { "package.json": "{}" }), { runtime: "node", entry: "src/app.js" });
});

test("the error for a main that an ignore file excludes says how to include it", async () => {
  const files = { "package.json": '{"main":"dist/a.js"}', ".gitignore": "dist/\n" };
  await assert.rejects(detected(["dist/a.js"], files), {
    code: "HANDLER_NOT_FOUND",
    message:
      /^"main" in package\.json is "dist\/a\.js", which \.gitignore or \.faasignore excludes: add "!dist\/" to \.faasignore/,
  });
  await assert.rejects(detected([], files), {
    message: /excludes and which does not exist: build it, and add "!dist\/"/,
  });
  const included = await detected(["dist/a.js"], { ...files, ".faasignore": "!dist/\n" });
  assert.equal(included.entry, "dist/a.js");
});

test("detects the runtime from a given handler", async () => {
  const files = ["index.mjs", "src/work.py", "src/other.ts"];
  assert.deepEqual(await detected(files, {}, undefined, "src/work.run"), {
    runtime: "python",
    entry: "src/work.py",
  });
  assert.deepEqual(await detected(files, {}, undefined, "src/other.run"), {
    runtime: "typescript",
    entry: "src/other.ts",
  });
});

test("the error for an unknown runtime lists the expected files, the existing ones, and the option to set it", async () => {
  await assert.rejects(detected(["notes.txt", "src/a.rb"]), {
    code: "RUNTIME_UNKNOWN",
    message:
      /package\.json or \*\.mjs.*\(node\).*\(typescript\).*requirements\.txt.*\(python\); the folder has notes\.txt, src\/\..*--runtime/,
  });
});

test("the error for a missing handler lists the expected files, the existing ones, and the option to set it", async () => {
  await assert.rejects(detected(["start.mjs", "package.json"], { "package.json": "{}" }), {
    code: "HANDLER_NOT_FOUND",
    message:
      /node function in one of index\.mjs, index\.js.*the folder has package\.json, start\.mjs\. .*--handler file\.export/,
  });
  await assert.rejects(detected(["index.mjs"], {}, undefined, "gone.run"), {
    code: "HANDLER_NOT_FOUND",
    message: /the handler "gone\.run" of a node function in one of gone\.mjs, gone\.js, gone\.cjs/,
  });
  await assert.rejects(detected(["index.mjs"], {}, "python"), {
    code: "HANDLER_NOT_FOUND",
    message: /python function in one of main\.py/,
  });
});
