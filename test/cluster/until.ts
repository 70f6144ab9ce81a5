import { setTimeout as delay } from "node:timers/promises";
import { LIMIT_MS } from "./cluster.ts";

const STEP_MS = 50;

/** Looks again and again until it holds, or until there is something to see; rejects with what was seen last. */
export async function until<T>(
  what: string,
  look: () => Promise<T> | T,
  holds: (seen: T) => boolean,
  limitMs?: number,
): Promise<T>;
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T>;
export async function until<T>(
  what: string,
  look: () => Promise<T> | T,
  holds: (seen: T) => boolean = (seen) => seen !== undefined,
  limitMs = LIMIT_MS,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`Not seen within ${limitMs} ms: ${what}; it is ${JSON.stringify(seen)}`);
    await delay(STEP_MS);
  }
}
