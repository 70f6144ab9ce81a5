import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "../bundle/build.ts";
import { built, contentOf, folderOf } from "../testing/test-folder.ts";

const source = {
  "index.ts": `import { fail } from "./lib/fail.ts";

interface Answer {
  readonly text: string;
}

export const handler = (): Answer => {
  return fail();
};
`,
  "lib/fail.ts": `/** Long before
 * the line that throws. */
export enum Kind { A, B }

export function fail(): never {
  throw new Error(\`kind \${Kind.B}\`);
}
`,
};

test("TypeScript is compiled with what it imports; stacks name the lines of the .ts files", async (t) => {
  const content = await contentOf(await built(t, await folderOf(t, source)));
  assert.deepEqual([...content.keys()], [".interface.mjs", "index.mjs"]);
  const run = await folderOf(t, { "index.mjs": content.get("index.mjs")?.text ?? "" });
  await writeFile(
    join(run, "run.mjs"),
    'import { handler } from "./index.mjs"; try { handler(); } catch (error) { console.log(error.stack); }',
  );
  const { stdout } = spawnSync(process.execPath, ["--enable-source-maps", join(run, "run.mjs")], { encoding: "utf8" });
  assert.match(stdout, /Error: kind 1[\s\S]*lib\/fail\.ts:6[\s\S]*index\.ts:8/);
});

test("what is compiled is the same in any folder", async (t) => {
  const [a, b] = [await built(t, await folderOf(t, source)), await built(t, await folderOf(t, source))];
  assert.equal(a.digest, b.digest);
});

test("what does not compile is named with file, line and column, each on a line", async (t) => {
  const files = { "index.ts": 'import { gone } from "./gone.ts";\nexport const handler = () => gone;\n' };
  await assert.rejects(build(await folderOf(t, files)), {
    code: "BUILD_FAILED",
    message: /^index\.ts:1:22: Could not resolve "\.\/gone\.ts"$/,
  });
  const mistakes = {
    "index.ts": 'import "./a.ts";\nimport "./b.ts";\n',
    "a.ts": "let = ;\n",
    "b.ts": "\n\n  const x: = 1;\n",
  };
  await assert.rejects(build(await folderOf(t, mistakes)), {
    code: "BUILD_FAILED",
    message: /a\.ts:1:[\s\S]*\n?b\.ts:3:/,
  });
});

test("packages stay imports", async (t) => {
  const files = { "index.ts": 'import ms from "ms";\nexport const handler = () => ms(1);\n' };
  const content = await contentOf(await built(t, await folderOf(t, files)));
  assert.match(content.get("index.mjs")?.text ?? "", /from "ms"/);
});
