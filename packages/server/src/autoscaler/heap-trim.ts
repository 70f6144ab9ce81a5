import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** So long after the last endpoint went idle. */
const AFTER_MS = 1_000;

interface Collection {
  readonly type: "major";
  readonly execution: "sync";
  readonly flavor: "last-resort";
}

/**
 * Gives memory back when every endpoint is idle: V8 collects when it is asked for memory, and a server that nobody calls asks for none.
 * `begin` is told that all are idle, `cancel` that one is not.
 */
export class IdleMemory {
  readonly #afterMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(afterMs = AFTER_MS) {
    this.#afterMs = afterMs;
  }

  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(collect, this.#afterMs).unref();
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** There is no other way to the collector from inside: the flag adds `gc` to contexts that are made from then on. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (how: Collection) => void;
  gc({ type: "major", execution: "sync", flavor: "last-resort" });
}
