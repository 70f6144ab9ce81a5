import assert from "node:assert/strict";
import { test } from "node:test";
import type { Language } from "@faas/core";
import { type Files, folderOf } from "../testing/test-folder.ts";
import { detect } from "./runtime.ts";
import { readSource } from "./source.ts";

const detected = async (
  t: Parameters<typeof folderOf>[0],
  files: readonly string[],
  more: Files = {},
  runtime?: Language,
  handler?: string,
) =>
  detect(
    await readSource(await folderOf(t, { ...Object.fromEntries(files.map((name) => [name, ""])), ...more }), 2 ** 20),
    runtime,
    handler,
  );

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
  test(`${files.join(" and ")}: ${runtime}, ${entry}`, async (t) => {
    assert.deepEqual(await detected(t, files), { runtime, entry });
  });
}

test("main of package.json is the entry, unless there is an index", async (t) => {
  const manifest = { "package.json": '{"main":"./lib/start.js"}' };
  assert.equal((await detected(t, ["lib/start.js", "app.js"], manifest)).entry, "lib/start.js");
  assert.equal((await detected(t, ["lib/start.js", "index.js"], manifest)).entry, "index.js");
});

test("a handler that is named says the runtime too", async (t) => {
  const files = ["index.mjs", "src/work.py", "src/other.ts"];
  assert.deepEqual(await detected(t, files, {}, undefined, "src/work.run"), {
    runtime: "python",
    entry: "src/work.py",
  });
  assert.deepEqual(await detected(t, files, {}, undefined, "src/other.run"), {
    runtime: "typescript",
    entry: "src/other.ts",
  });
});

test("a folder that looks like no runtime: what was looked for, what is there, and how to say it", async (t) => {
  await assert.rejects(detected(t, ["notes.txt", "src/a.rb"]), {
    code: "RUNTIME_UNKNOWN",
    message:
      /package\.json or \*\.mjs.*\(node\).*\(typescript\).*requirements\.txt.*\(python\); the folder has notes\.txt, src\/\..*--runtime/,
  });
});

test("no handler: where it was looked for, what is there, and how to name it", async (t) => {
  await assert.rejects(detected(t, ["start.mjs", "package.json"], { "package.json": "{}" }), {
    code: "HANDLER_NOT_FOUND",
    message:
      /node function in one of index\.mjs, index\.js.*the folder has package\.json, start\.mjs\. .*--handler file\.export/,
  });
  await assert.rejects(detected(t, ["index.mjs"], {}, undefined, "gone.run"), {
    code: "HANDLER_NOT_FOUND",
    message: /the handler "gone\.run" of a node function in one of gone\.mjs, gone\.js, gone\.cjs/,
  });
  await assert.rejects(detected(t, ["index.mjs"], {}, "python"), {
    code: "HANDLER_NOT_FOUND",
    message: /python function in one of main\.py/,
  });
});
