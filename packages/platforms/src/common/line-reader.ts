import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** Longer lines are cut, with a mark. */
const LINE_LIMIT = 16 * 1024;
const CUT = "… (cut)";

/**
 * Calls `onLine` for each line of a stream, the last one without its end too. When it gives a promise, reading stops until then, and so
 * does the process that writes.
 */
export function readLines(stream: Readable, onLine: (line: string) => Promise<void> | undefined): void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let cutting = false;
  const emit = (line: string): Promise<void> | undefined => {
    const skip = cutting;
    cutting = false;
    return skip ? undefined : onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
  };
  stream.on("data", (piece: Buffer) => {
    rest += decoder.write(piece);
    let wait: Promise<void> | undefined;
    let start = 0;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", start)) {
      const line = rest.slice(start, end);
      wait = emit(line.length > LINE_LIMIT ? line.slice(0, LINE_LIMIT) + CUT : line) ?? wait;
      start = end + 1;
    }
    rest = rest.slice(start);
    if (rest.length > LINE_LIMIT) {
      wait = emit(rest.slice(0, LINE_LIMIT) + CUT) ?? wait;
      cutting = true;
      rest = "";
    }
    if (wait === undefined) return;
    stream.pause();
    void wait.finally(() => stream.resume());
  });
  stream.once("close", () => {
    rest += decoder.end();
    if (rest !== "" && !cutting) void emit(rest);
  });
  stream.on("error", () => {});
}
