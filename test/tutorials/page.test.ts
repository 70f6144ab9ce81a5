import assert from "node:assert/strict";
import { test } from "node:test";
import { matches, runPage, stepsOf } from "./page.ts";

const PAGE = `# Page

\`a/b.txt\`:

\`\`\`text
one
\`\`\`

Read it:

\`\`\`sh
cat a/b.txt
\`\`\`

\`\`\`text
one
\`\`\`

\`\`\`js
ignored();
\`\`\`
`;

test("reads files, commands and outputs of a page", () => {
  assert.deepEqual(stepsOf(PAGE), [
    { file: "a/b.txt", text: "one\n" },
    { commands: "cat a/b.txt\n", line: 11, output: "one\n" },
  ]);
});

test("an ellipsis stands for any text, and all other text is compared", () => {
  assert.ok(matches("ready 0.1 s\nhttp://a/\n", "ready … s\nhttp://a/\n"));
  assert.ok(!matches("ready 0.1 s\nhttp://ab\n", "ready … s\nhttp://a/\n"));
  assert.ok(!matches("a.b", "a+b"));
});

test("a page passes when its commands print the shown output", async () => {
  assert.match(await runPage(PAGE), /^one$/m);
});

test("a page fails when a command fails or prints something else", async () => {
  await assert.rejects(runPage(PAGE.replace("cat a/b.txt", "cat a/c.txt")), /No such file/);
  await assert.rejects(runPage(PAGE.replace("cat a/b.txt", "echo two")), /output of line 11/);
});
