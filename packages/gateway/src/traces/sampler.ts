import type { TraceContext } from "./trace-context.ts";

/** Names of the samplers that `OTEL_TRACES_SAMPLER` can have. */
export const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

const PARENT_BASED = "parentbased_";
/** Digits of a trace id that decide, the last ones, which are random (W3C Trace Context level 2), and the number of their values. */
const DECIDING_DIGITS = 8;
const VALUES = 2 ** 32;

/** Decides which traces are recorded. */
export interface Sampler {
  /** Decides for a new trace. */
  samples(traceId: string): boolean;
  /** Decides for a trace that another service has begun. */
  follows(parent: TraceContext): boolean;
}

/**
 * Creates a sampler.
 *
 * @param ratio share of the traces that `traceidratio` records, from 0 to 1
 */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  const isParentBased = name.startsWith(PARENT_BASED);
  const root = isParentBased ? name.slice(PARENT_BASED.length) : name;
  const share = root === "always_on" ? 1 : root === "always_off" ? 0 : ratio;
  const least = Math.ceil((1 - share) * VALUES);
  // Hexadecimal digits have the order of their numbers.
  const leastDigits = least === VALUES ? undefined : least.toString(16).padStart(DECIDING_DIGITS, "0");
  const samples = (traceId: string) => leastDigits !== undefined && traceId.slice(-DECIDING_DIGITS) >= leastDigits;
  return { samples, follows: isParentBased ? ({ sampled }) => sampled : ({ traceId }) => samples(traceId) };
}
