import { readTagSetting, tagLines } from "./output-tags.ts";

/**
 * Makes writes to stdout and stderr synchronous: each completes before the next line of code runs, so that `process.exit` loses nothing and lines
 * do not accumulate in memory. Lines are tagged if the platform asks for it.
 */
export function writeSynchronously(): void {
  readTagSetting();
  for (const name of ["stdout", "stderr"] as const) {
    const original = Object.getOwnPropertyDescriptor(process, name)?.get;
    // A module that NODE_OPTIONS preloads has replaced it.
    if (original === undefined) continue;
    // Creates them on first use, as Node does: creating it here would add a millisecond to each start.
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: true,
      get() {
        const stream: NodeJS.WriteStream & StreamInternals = original.call(process);
        stream._handle?.setBlocking?.(true);
        tagLines(stream, name);
        Object.defineProperty(process, name, { configurable: true, enumerable: true, value: stream });
        return stream;
      },
    });
  }
}

/** Fields of a standard stream that Node does not document; absent for files, which are written synchronously anyway. */
interface StreamInternals {
  readonly _handle?: { readonly setBlocking?: (blocking: boolean) => void };
}
