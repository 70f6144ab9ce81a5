import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerfileInstructions } from "./dockerfile-instructions.ts";

test("does not count comments, empty lines and continuation lines as instructions", () => {
  const text = `# comment
ARG BASE=node

FROM $BASE AS one
RUN first \\
    # in between
    && second

RUN third
FROM two
`;
  assert.deepEqual(dockerfileInstructions(text), [
    { line: 2, text: "ARG BASE=node" },
    { line: 4, text: "FROM $BASE AS one" },
    { line: 5, text: "RUN first && second" },
    { line: 9, text: "RUN third" },
    { line: 10, text: "FROM two" },
  ]);
});

test("supports another escape character, Windows line endings, and a continuation at the end of the file", () => {
  const text = "# escape=`\r\nFROM a\r\nRUN b `\r\n  c\r\nRUN d `";
  assert.deepEqual(
    dockerfileInstructions(text).map(({ line, text }) => [line, text]),
    [
      [2, "FROM a"],
      [3, "RUN b c"],
      [5, "RUN d"],
    ],
  );
});
