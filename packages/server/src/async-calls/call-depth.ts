import { FaasError } from "@faas/core";

/** Header with the number of asynchronous calls that led to a call. */
const DEPTH_HEADER = "X-Faas-Depth";
/** Calls that may lead to each other: more are a loop. */
const MAX_DEPTH = 16;

const DEPTH_LINE = new RegExp(`^${DEPTH_HEADER}:[ \\t]*(\\d{1,9})?.*\\r\\n`, "gim");

/**
 * Counts a call in the header lines of its request: functions that pass the header on, and destinations, cannot call each other for ever.
 *
 * @throws LOOP_DETECTED
 */
export function withDepth(lines: string): string {
  let depth = 0;
  const rest = lines.replace(DEPTH_LINE, (_, digits: string | undefined) => {
    depth = Math.max(depth, Number(digits ?? 0));
    return "";
  });
  if (depth >= MAX_DEPTH)
    throw new FaasError(
      "LOOP_DETECTED",
      `Expected at most ${MAX_DEPTH} asynchronous calls that lead to each other, got more: they may be a loop`,
    );
  return `${rest}${DEPTH_HEADER}: ${depth + 1}\r\n`;
}

/** Returns the header with the depth of a call that was counted, for the calls that it leads to. */
export function depthOf(lines: string): Readonly<Record<string, string>> {
  const [, digits] = lines.matchAll(DEPTH_LINE).next().value ?? [];
  return digits === undefined ? {} : { [DEPTH_HEADER]: digits };
}
