import { randomFillSync } from "node:crypto";

const POOL_BYTES = 8_192;
const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;

const pool = Buffer.alloc(POOL_BYTES);
/** The pool as hexadecimal digits: ids are parts of this text, which is cheaper than to format each. */
let digits = "";
let used = 0;

/** Creates the id of a trace: 32 hexadecimal digits. */
export const newTraceId = (): string => take(TRACE_DIGITS);

/** Creates the id of a span: 16 hexadecimal digits. */
export const newSpanId = (): string => take(SPAN_DIGITS);

/** Returns the id of a span of which there is one in its trace: a part of the trace's id. */
export const onlySpanIdOf = (traceId: string): string => traceId.slice(0, SPAN_DIGITS);

function take(count: number): string {
  if (used + count > digits.length) {
    digits = randomFillSync(pool).toString("hex");
    used = 0;
  }
  used += count;
  return digits.slice(used - count, used);
}
