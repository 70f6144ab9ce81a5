import { performance } from "node:perf_hooks";
import type { SpanKind } from "./span-kind.ts";

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A finished span. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Absent: it is the first one of its trace. */
  readonly parentId?: string | undefined;
  /** The parent is in another process. */
  readonly isParentRemote?: boolean;
  readonly traceState?: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Milliseconds since the epoch, with fractions. */
  readonly beganMs: number;
  readonly endedMs: number;
  readonly attributes?: Attributes;
  /** Set if what the span stands for failed: the reason, which may be empty. */
  readonly error?: string | undefined;
  /** Attributes of what the span ran in, if it is not this process. */
  readonly resource?: Attributes;
}

/** Receiver of finished spans. */
export interface SpanSink {
  add(span: Span): void;
}

/** Difference between the two clocks above which the system's clock has been set. */
const CLOCK_STEP_MS = 2;

/** Returns what `performance.now()` lacks to milliseconds since the epoch. The process's own start is precise, unless the clock has been set since. */
export function epochOffsetMs(): number {
  const { timeOrigin } = performance;
  const off = Date.now() - (timeOrigin + performance.now());
  return Math.abs(off) > CLOCK_STEP_MS ? timeOrigin + off : timeOrigin;
}
