import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** Characters after which a line is cut, and marked. */
const MAX_LINE_LENGTH = 16 * 1024;
const CUT_MARK = "… (cut)";

/**
 * Calls `onLine` for each line of a process's output, including a last line without a line break. When `onLine` returns a promise, reading pauses
 * until it settles, which in turn blocks the writing process.
 */
export function readLines(stream: Readable, onLine: (line: string) => Promise<void> | undefined): void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let skipsToLineEnd = false;
  const emit = (line: string): Promise<void> | undefined => {
    const isSkipped = skipsToLineEnd;
    skipsToLineEnd = false;
    return isSkipped ? undefined : onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
  };
  stream.on("data", (chunk: Buffer) => {
    rest += decoder.write(chunk);
    let handled: Promise<void> | undefined;
    let start = 0;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", start)) {
      const line = rest.slice(start, end);
      handled = emit(line.length > MAX_LINE_LENGTH ? line.slice(0, MAX_LINE_LENGTH) + CUT_MARK : line) ?? handled;
      start = end + 1;
    }
    rest = rest.slice(start);
    if (rest.length > MAX_LINE_LENGTH) {
      handled = emit(rest.slice(0, MAX_LINE_LENGTH) + CUT_MARK) ?? handled;
      skipsToLineEnd = true;
      rest = "";
    }
    if (handled === undefined) return;
    stream.pause();
    void handled.finally(() => stream.resume());
  });
  stream.once("close", () => {
    rest += decoder.end();
    if (rest !== "" && !skipsToLineEnd) void emit(rest);
  });
  stream.on("error", () => {});
}

/**
 * Yields the lines of a streamed response without their line breaks. Skips empty lines. A last line without a line break is yielded only with
 * `keepsPartialLine`: elsewhere it means that the connection was closed in the middle of it.
 */
export async function* linesOf(body: AsyncIterable<Buffer>, keepsPartialLine: boolean): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const text = rest + decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      if (end > start) yield text.slice(start, end);
      start = end + 1;
    }
    rest = text.slice(start);
  }
  if (keepsPartialLine && rest !== "") yield rest;
}
