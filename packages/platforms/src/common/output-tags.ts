/** Characters around a tag: the stream's letter, and the id of the call that printed the line, if there is one (docs/wrapper-protocol.md, "Output"). */
const BEGIN = "\x1e";
const END = "\x1f";
const CONTENTS = /^([oe])([\x21-\x7e]{0,128})$/;
const MAX_CONTENTS_LENGTH = 129;

/** A line as the user's code printed it, and what its tag says. */
export interface PrintedLine {
  readonly text: string;
  readonly stream?: "stdout" | "stderr";
  readonly requestId?: string;
}

/** Separates a line from its tag. */
export function parseOutput(line: string): PrintedLine {
  if (!line.startsWith(BEGIN)) return { text: line };
  const end = line.slice(0, MAX_CONTENTS_LENGTH + 2).indexOf(END);
  const [, letter, requestId] = CONTENTS.exec(line.slice(1, Math.max(1, end))) ?? [];
  if (letter === undefined) return { text: line };
  const stream = letter === "e" ? "stderr" : "stdout";
  return { text: line.slice(end + 1), stream, ...(requestId ? { requestId } : {}) };
}
