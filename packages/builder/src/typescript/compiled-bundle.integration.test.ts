import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { build } from "../bundle/build.ts";
import { builtBundle, bundleContent, sourceFolder } from "../testing/source-folder.ts";

const source = {
  "index.ts": `import { fail } from "./lib/fail.ts";

interface Answer {
  readonly text: string;
}

export const handler = (): Answer => {
  return fail();
};
`,
  "lib/fail.ts": `/** Comment that shifts
 * the line of the error. */
export enum Kind { A, B }

export function fail(): never {
  throw new Error(\`kind \${Kind.B}\`);
}
`,
};

test("compiles each file in its place; stack traces have the lines of the .ts files", async () => {
  const content = await bundleContent(await builtBundle(await sourceFolder(source)));
  assert.deepEqual(
    [...content.keys()],
    [".interface.mjs", "index.mjs", "index.ts", "lib/fail.js", "lib/fail.mjs", "lib/fail.ts"],
  );
  const texts = Array.from(content, ([name, { text }]) => [name, text]);
  const run = await sourceFolder(Object.fromEntries(texts));
  await writeFile(
    join(run, "run.mjs"),
    'import { handler } from "./index.mjs"; try { handler(); } catch (error) { console.log(error.stack); }',
  );
  const { stdout } = spawnSync(process.execPath, ["--enable-source-maps", join(run, "run.mjs")], { encoding: "utf8" });
  assert.match(stdout, /Error: kind 1[\s\S]*lib\/fail\.ts:6[\s\S]*index\.ts:8/);
});

test("leaves out a file that nothing imports and that cannot be compiled, with a warning", async () => {
  const files = { "index.ts": "export const handler = () => 1;\n", "scripts/seed.ts": "let = ;\n" };
  const bundle = await builtBundle(await sourceFolder(files));
  assert.match(bundle.warnings.join("\n"), /scripts\/seed\.ts:1:\d+: /);
  assert.deepEqual([...(await bundleContent(bundle)).keys()], [".interface.mjs", "index.mjs", "index.ts"]);
});

test("a file with top-level await in a package that says CommonJS names what to change", async () => {
  const files = { "package.json": '{"type":"commonjs"}', "index.ts": "await 1;\nexport const handler = () => 1;\n" };
  await assert.rejects(build(await sourceFolder(files)), {
    code: "BUILD_FAILED",
    message: /^index\.ts:1:1: Top-level await .* "type": "module" in package\.json$/,
  });
});

test("the compiled code does not depend on the folder", async () => {
  const [a, b] = [await builtBundle(await sourceFolder(source)), await builtBundle(await sourceFolder(source))];
  assert.equal(a.digest, b.digest);
});

test("a handler in src has the name that main gives it, and is compiled where it is", async () => {
  const files = {
    "package.json": '{"type":"module","main":"dist/server.js"}',
    ".gitignore": "dist/\n",
    "src/server.ts": 'import { a } from "./a";\nexport const handler = () => a;\nexport default 1;\n',
    "src/a.ts": "export const a = 7;\n",
  };
  const content = await bundleContent(await builtBundle(await sourceFolder(files)));
  const run = await sourceFolder(Object.fromEntries(Array.from(content, ([name, { text }]) => [name, text])));
  const module = await import(pathToFileURL(join(run, "dist/server.mjs")).href);
  assert.deepEqual([module.handler(), module.default], [7, 1]);
});

test("lists each compile error on a line, with file, line and column", async () => {
  const files = { "index.ts": 'import { gone } from "./gone.ts";\nexport const handler = () => gone;\n' };
  await assert.rejects(build(await sourceFolder(files)), {
    code: "BUILD_FAILED",
    message: /^index\.ts:1:22: Could not resolve "\.\/gone\.ts"$/,
  });
  const mistakes = {
    "index.ts": 'import "./a.ts";\nimport "./b.ts";\n',
    "a.ts": "let = ;\n",
    "b.ts": "\n\n  const x: = 1;\n",
  };
  await assert.rejects(build(await sourceFolder(mistakes)), {
    code: "BUILD_FAILED",
    message: /a\.ts:1:[\s\S]*\n?b\.ts:3:/,
  });
});

test("does not bundle packages", async () => {
  const files = { "index.ts": 'import ms from "ms";\nexport const handler = () => ms(1);\n' };
  const content = await bundleContent(await builtBundle(await sourceFolder(files)));
  assert.match(content.get("index.js")?.text ?? "", /require\("ms"\)/);
});
