import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
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

test("compiles TypeScript with its imports; stack traces have the lines of the .ts files", async () => {
  const content = await bundleContent(await builtBundle(await sourceFolder(source)));
  assert.deepEqual([...content.keys()], [".interface.mjs", "index.mjs"]);
  const run = await sourceFolder({ "index.mjs": content.get("index.mjs")?.text ?? "" });
  await writeFile(
    join(run, "run.mjs"),
    'import { handler } from "./index.mjs"; try { handler(); } catch (error) { console.log(error.stack); }',
  );
  const { stdout } = spawnSync(process.execPath, ["--enable-source-maps", join(run, "run.mjs")], { encoding: "utf8" });
  assert.match(stdout, /Error: kind 1[\s\S]*lib\/fail\.ts:6[\s\S]*index\.ts:8/);
});

test("the compiled code does not depend on the folder", async () => {
  const [a, b] = [await builtBundle(await sourceFolder(source)), await builtBundle(await sourceFolder(source))];
  assert.equal(a.digest, b.digest);
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
  assert.match(content.get("index.mjs")?.text ?? "", /from "ms"/);
});
