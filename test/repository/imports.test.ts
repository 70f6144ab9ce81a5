import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { root, sourceFiles } from "./source-files.ts";

/** Rules that dependency-cruiser cannot express; .dependency-cruiser.mjs has the others. */

const read = (file: string) => readFileSync(join(root, file), "utf8");
const isTest = (file: string) => /\.test\.ts$|\/testing\//.test(file);

test("only the composition of the server names a platform", () => {
  const naming = sourceFiles(["packages/server/src"]).filter(
    (file) => !isTest(file) && read(file).includes("EmbeddedPlatform"),
  );
  assert.deepEqual(naming, ["packages/server/src/start-platform.ts"]);
});

test("the generated wrapper for Node imports only modules of Node", () => {
  const specifiers = [...read("templates/node/.interface.mjs").matchAll(/^import\s[^"]*"([^"]+)";$/gm)];
  assert.ok(specifiers.length > 0);
  assert.deepEqual(
    specifiers.map(([, specifier = ""]) => specifier).filter((specifier) => !specifier.startsWith("node:")),
    [],
  );
});

test("files and folders are named for what they do", () => {
  const vague = /^(utils?|helpers?|common|managers?|misc)$/i;
  const named = sourceFiles().flatMap((file) =>
    file.split("/").map((part) => ({ file, part: part.split(".")[0] ?? "" })),
  );
  const found = named.filter(
    ({ file, part }) => vague.test(part) && !file.startsWith("packages/platforms/src/common/"),
  );
  assert.deepEqual(
    found.map(({ file }) => file),
    [],
  );
});

test("the list of source files covers all packages, templates and tests", () => {
  const files = sourceFiles();
  for (const name of ["token-bucket.ts", ".interface.py", "imports.test.ts", "disk-shim.mjs"])
    assert.ok(
      files.some((file) => basename(file) === name),
      name,
    );
});
