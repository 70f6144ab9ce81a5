import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Location of a call in the text of a stack frame. */
const LOCATION = /(file:\/\/[^\s()]+|\/[^()]+):(\d+):(\d+)/;

/**
 * Makes stack traces name the sources of a bundled program. Source maps are read when a stack trace is first used: `node --enable-source-maps` reads all
 * of them at the start, which takes longer than most commands.
 */
export function useSourceStacks(): void {
  const maps = new Map<string, SourceMap | undefined>();
  Error.prepareStackTrace = (error, sites) =>
    [describe(error), ...sites.map((site) => `    at ${sourceFrame(String(site), maps)}`)].join("\n");
}

/** Returns the first line of the stack trace, as Node writes it. */
function describe(error: Error): string {
  try {
    return String(error);
  } catch {
    return "Error";
  }
}

/** Replaces the location in a frame by that of the source, if the file has a source map. */
function sourceFrame(frame: string, maps: Map<string, SourceMap | undefined>): string {
  return frame.replace(LOCATION, (location: string, url: string, line: string, column: string) => {
    const file = url.startsWith("file:") ? fileURLToPath(url) : url;
    if (!maps.has(file)) maps.set(file, readSourceMap(file));
    const entry = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1);
    if (entry === undefined || !("originalSource" in entry)) return location;
    return `${join(dirname(file), entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}

function readSourceMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, "utf8")));
  } catch {
    return undefined;
  }
}
