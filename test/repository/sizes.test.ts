import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { longFunctions } from "./sizes.ts";
import { root, sourceFiles } from "./source-files.ts";

const FILE_LINES = 350;
const FUNCTION_LINES = 60;
const FOLDER_FILES = 16;

/** Allowed exceptions, each with its reason. */
const exceptions: Readonly<Record<string, string>> = {
  "packages/cli/src/commands/": "one file per command",
  "templates/node/.interface.mjs": "generated: one file starts faster than many",
  "templates/python/.interface.py": "generated: one file starts faster than many",
  "test/cluster/install/install.test.ts": "its tests share one installation, which takes half a minute",
  "test/wrappers/contract.ts": "one list of properties for all languages",
  "test/wrappers/contract.ts wrapperContract": "one list of properties for all languages",
};

/** Fails for violations that are not listed, and for listed ones that no longer exist. */
function assertOnlyListed(found: readonly (readonly [place: string, size: string])[], isListed: RegExp): void {
  const listed = Object.keys(exceptions).filter((place) => isListed.test(place));
  const places = new Set(found.map(([place]) => place));
  assert.deepEqual(
    {
      tooLarge: found.filter(([place]) => !listed.includes(place)).map(([place, size]) => `${place}: ${size}`),
      noLongerNeeded: listed.filter((place) => !places.has(place)),
    },
    { tooLarge: [], noLongerNeeded: [] },
  );
}

const linesOf = (text: string) => text.split("\n").length - 1;
const files = sourceFiles().map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));

test(`files have at most ${FILE_LINES} lines`, () => {
  const found = files
    .filter(({ text }) => linesOf(text) > FILE_LINES)
    .map(({ file, text }) => [file, `${linesOf(text)} lines`] as const);
  assertOnlyListed(found, /^\S+\.\w+$/);
});

test(`functions have at most ${FUNCTION_LINES} lines`, () => {
  const found = files
    .filter(({ file }) => /\.(tsx?|js|mjs)$/.test(file) && !file.startsWith("templates/node/.interface"))
    .filter(({ text }) => linesOf(text) > FUNCTION_LINES)
    .flatMap(({ file, text }) =>
      longFunctions(file, text, FUNCTION_LINES).map(
        ({ name, line, lines }) => [`${file} ${name}`, `${lines} lines, from line ${line}`] as const,
      ),
    );
  assertOnlyListed(found, / /);
});

test(`folders have at most ${FOLDER_FILES} files, tests not counted`, () => {
  const counts = new Map<string, number>();
  for (const { file } of files) {
    if (file.endsWith(".test.ts")) continue;
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  }
  const found = [...counts]
    .filter(([, count]) => count > FOLDER_FILES)
    .map(([folder, count]) => [`${folder}/`, `${count} files`] as const);
  assertOnlyListed(found, /\/$/);
});

test("longFunctions names functions, methods and arrows above the limit, and ignores tests", () => {
  const body = "{\n  a();\n}";
  const source = `function one() ${body}\nclass A { two() ${body} }\nconst three = () => ${body};\ntest("x", () => ${body});\nconst four = () => 4;\n`;
  assert.deepEqual(
    longFunctions("a.ts", source, 2).map(({ name, line, lines }) => [name, line, lines]),
    [
      ["one", 1, 3],
      ["two", 4, 3],
      ["three", 7, 3],
    ],
  );
  assert.deepEqual(longFunctions("a.ts", source, 3), []);
});
