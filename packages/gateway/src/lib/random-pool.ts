import { randomFillSync } from "node:crypto";

/** The system is asked for many bytes at a time, which costs hardly more than a few. */
export const randomPool = Buffer.alloc(4_096);
let used = randomPool.length;

/** Returns the index of unused random bytes in the pool. */
export function takeRandomBytes(bytes: number): number {
  if (used + bytes > randomPool.length) {
    randomFillSync(randomPool);
    used = 0;
  }
  const at = used;
  used += bytes;
  return at;
}
