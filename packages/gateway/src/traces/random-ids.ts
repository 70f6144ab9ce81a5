import { randomPool, takeRandomBytes } from "../lib/random-pool.ts";

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;

/** Creates the ids of a trace and of its first span: 32 and 16 hexadecimal digits. */
export function newTraceAndSpanId(): string {
  const at = takeRandomBytes(TRACE_BYTES + SPAN_BYTES);
  return randomPool.toString("hex", at, at + TRACE_BYTES + SPAN_BYTES);
}

/** Creates the id of a span: 16 hexadecimal digits. */
export function newSpanId(): string {
  const at = takeRandomBytes(SPAN_BYTES);
  return randomPool.toString("hex", at, at + SPAN_BYTES);
}
