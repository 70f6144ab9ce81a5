/** Buckets for each doubling of the duration: half a bucket is at most 0.4 % of a duration. */
const PER_DOUBLING_BITS = 7;
const PER_DOUBLING = 1 << PER_DOUBLING_BITS;
const MAX_MICROS = 2 ** 31 - 1;

/** Returns the bucket of a duration: its microseconds where they are few, one of 128 for each doubling above. Longer than 35 minutes counts as 35 minutes. */
export function bucketOf(durationMs: number): number {
  const micros = Math.min(MAX_MICROS, Math.round(durationMs * 1000));
  if (micros < PER_DOUBLING) return micros;
  const shift = 31 - Math.clz32(micros) - PER_DOUBLING_BITS;
  return shift * PER_DOUBLING + (micros >> shift);
}

/** Returns the middle of a bucket in milliseconds. */
export function durationOf(bucket: number): number {
  if (bucket < 2 * PER_DOUBLING) return bucket / 1000;
  const shift = Math.floor(bucket / PER_DOUBLING) - 1;
  const first = (bucket - shift * PER_DOUBLING) * 2 ** shift;
  return (first + (2 ** shift - 1) / 2) / 1000;
}
