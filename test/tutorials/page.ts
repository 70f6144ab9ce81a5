import assert from "node:assert/strict";
import { delimiter, join } from "node:path";
import { faasProgram, freePort, runProgram, tempDir } from "@faas/testing";
import { root } from "../repository/source-files.ts";

/** Block of a page: a file that the reader writes, or commands with the output that the page shows. */
export type Step =
  | { readonly file: string; readonly text: string }
  | { readonly commands: string; readonly line: number; output?: string };

/** Line between the outputs of two command blocks. */
const SEPARATOR = "=== end of block ===";
const BLOCK = /(?:^`([\w./-]+)`:\n\n)?^```(\w*)\n([\s\S]*?)^```$/gm;

/**
 * Reads the steps of a page: a block below a line with the name of a file is that file, a block `sh` has commands, and the block `text` after it has
 * their output, in which `…` stands for any text. Other blocks are ignored.
 */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  for (const { 1: file, 2: language, 3: text = "", index } of page.matchAll(BLOCK)) {
    const last = steps.at(-1);
    if (file !== undefined) steps.push({ file, text });
    else if (language === "sh") steps.push({ commands: text, line: page.slice(0, index).split("\n").length });
    else if (language === "text" && last && "commands" in last) last.output = text;
  }
  return steps;
}

/**
 * Runs the steps of a page in one shell, with a server on a free port and a folder of its own, and returns the output.
 * @throws AssertionError when a command fails, or prints something else than the page shows
 */
export async function runPage(page: string): Promise<string> {
  const folder = tempDir("page");
  const port = await freePort();
  const steps = stepsOf(withPort(page, port));
  const env = {
    ...process.env,
    PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
    FAAS_DATA: join(folder, "data"),
    FAAS_SERVER: `http://127.0.0.1:${port}`,
    NODE_OPTIONS: "",
  };
  try {
    const { code, output: written } = await runProgram("bash", ["-c", scriptOf(steps)], { cwd: folder, env });
    // A terminal does not show the carriage returns of HTTP headers.
    const output = written.replaceAll("\r\n", "\n");
    assert.equal(code, 0, output);
    compareOutputs(steps, output.split(`${SEPARATOR}\n`));
    return output;
  } finally {
    await runProgram(process.execPath, [faasProgram, "down"], { cwd: folder, env });
  }
}

/** Puts the port of a test in the place of the default one. */
const withPort = (page: string, port: number) =>
  page.replaceAll("faas up", `faas up --port ${port}`).replaceAll("8887", String(port));

function scriptOf(steps: readonly Step[]): string {
  const lines = steps.map((step) =>
    "file" in step
      ? `mkdir -p "$(dirname ${step.file})"\ncat > ${step.file} <<'END OF FILE'\n${step.text}END OF FILE\n`
      : `${step.commands}\necho\necho '${SEPARATOR}'\n`,
  );
  // The clone's own programs are in PATH.
  return `exec 2>&1\nset -euo pipefail\nnpx() { "$@"; }\n${lines.join("")}`;
}

function compareOutputs(steps: readonly Step[], outputs: readonly string[]): void {
  const blocks = steps.filter((step) => "commands" in step);
  for (const [index, { output: expected, line }] of blocks.entries()) {
    const actual = outputs[index] ?? "";
    if (expected !== undefined && !matches(actual, expected))
      assert.equal(actual.trim(), expected.trim(), `output of line ${line}`);
  }
}

/** Compares an output with the text that a page shows, in which `…` stands for any text. */
export function matches(actual: string, shown: string): boolean {
  const parts = shown
    .trim()
    .split("…")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*")}$`).test(actual.trim());
}
