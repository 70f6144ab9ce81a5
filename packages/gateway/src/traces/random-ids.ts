import { randomFillSync } from "node:crypto";

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
/** The system is asked for many bytes at a time, which costs hardly more than a few. */
const POOL_BYTES = 4_096 - (4_096 % (TRACE_BYTES + SPAN_BYTES));

const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** Returns the index of unused random bytes in the pool. */
function take(bytes: number): number {
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += bytes;
  return at;
}

/** Creates the ids of a trace and of its first span: 32 and 16 hexadecimal digits. */
export function newTraceAndSpanId(): string {
  const at = take(TRACE_BYTES + SPAN_BYTES);
  return pool.toString("hex", at, at + TRACE_BYTES + SPAN_BYTES);
}

/** Creates the id of a span: 16 hexadecimal digits. */
export function newSpanId(): string {
  const at = take(SPAN_BYTES);
  return pool.toString("hex", at, at + SPAN_BYTES);
}
