/** Position of a span in a trace, as it travels in the headers `traceparent` and `tracestate` (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly sampled: boolean;
  /** The trace id is random, and can be sampled by its digits (W3C Trace Context level 2). */
  readonly random: boolean;
}

const SAMPLED = 1;
const RANDOM = 2;

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);

/** Parses `traceparent`. Returns `undefined` for an invalid one, which starts a new trace; later versions are read as far as this one knows them. */
export function parseTraceparent(value: string): TraceContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", rest] = TRACEPARENT.exec(value) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  const bits = Number.parseInt(flags, 16);
  return { traceId, spanId, sampled: (bits & SAMPLED) !== 0, random: (bits & RANDOM) !== 0 };
}

/** Formats `traceparent`. Flags that are not known are cleared, as the specification asks. */
export const formatTraceparent = ({ traceId, spanId, sampled, random }: TraceContext): string =>
  `00-${traceId}-${spanId}-0${(sampled ? SAMPLED : 0) | (random ? RANDOM : 0)}`;
