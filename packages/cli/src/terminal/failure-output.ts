/** Frames of the runtime and of the wrapper, which say nothing about the user's code. */
const INNER_FRAME = /^\s+at .*(?:node:|\.interface\.mjs)/;
const INNER_PYTHON_FRAME = /^\s+File ".*\.interface\.pyc?", line \d+/;

/** Returns the lines that a function printed before it failed, without those that only repeat the error, or that are not about the user's code. */
export function outputOf(lines: readonly string[], error: string): string[] {
  const messages = new Set(error.split("\n"));
  return lines.filter((line) => !messages.has(line) && !INNER_FRAME.test(line) && !INNER_PYTHON_FRAME.test(line));
}
