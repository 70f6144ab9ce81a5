import { z } from "zod";
import { quantityPattern } from "../quantity-pattern.ts";
import {
  CPU_UNITS,
  DURATION_UNITS,
  formatDuration,
  formatSize,
  parseCpu,
  parseDuration,
  parseSize,
  SIZE_UNITS,
} from "../units.ts";

/** Schemas of the quantities in settings. */

/** Maximum number of replicas of an endpoint. */
export const REPLICAS_MAX = 1000;

function quantity(
  what: string,
  example: string,
  units: Readonly<Record<string, number>>,
  parse: (text: string) => number | undefined,
  min: number,
  max: number,
  format: (value: number) => string,
) {
  const expectedRange = `expected a ${what} from ${format(min)} to ${format(max)}`;
  return z
    .string()
    .superRefine((text, context) => {
      const value = parse(text);
      if (value === undefined) {
        context.addIssue({ code: "custom", message: `expected a ${what} such as ${example}, got "${text}"` });
      } else if (value < min || value > max) {
        context.addIssue({ code: "custom", message: `${expectedRange}, got "${text}"` });
      }
    })
    .meta({
      // Built when a JSON Schema is, like `quantityMeta`.
      get pattern() {
        return quantityPattern(units, min, max);
      },
      /** Replaces the pattern where people see it. */
      get forEditors() {
        return { pattern: quantityPattern(units, 0, Number.POSITIVE_INFINITY), patternErrorMessage: expectedRange };
      },
    });
}

export const DAY_MS = 86_400_000;
/** Creates the schema of a duration within bounds, in milliseconds. */
export const duration = (min: number, max: number) =>
  quantity("duration", "300ms, 30s or 5m", DURATION_UNITS, parseDuration, min, max, formatDuration);
/** Creates the schema of a size within bounds, in bytes. */
export const size = (min: number, max: number) =>
  quantity("size", "128Mi or 1Gi", SIZE_UNITS, parseSize, min, max, formatSize);

/** Creates the schema of a CPU quantity. */
export const cpuQuantity = () =>
  quantity("CPU quantity", "100m or 0.5", CPU_UNITS, parseCpu, 10, 256_000, (millis) => `${millis}m`);
