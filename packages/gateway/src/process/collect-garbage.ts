import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

interface GcOptions {
  readonly type: "major";
  readonly execution: "sync";
  readonly flavor: "last-resort";
}

/**
 * Runs the garbage collector, and returns memory to the system: V8 collects garbage when memory is requested, and an idle process requests none. The flag adds
 * `gc` to contexts that are created from then on; there is no other access from inside the process.
 */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: GcOptions) => void;
  gc({ type: "major", execution: "sync", flavor: "last-resort" });
}
