import { z } from "zod";
import { REPLICAS_MAX } from "../endpoints/settings.ts";
import { quantityPattern } from "../quantity-pattern.ts";
import { CPU_UNITS, parseCpu, parseSize, SIZE_UNITS } from "../units.ts";

/** How much an organization may take, in the form that an admin writes it: the same in the API and in the state file. */

const count = (most: number) => z.int().min(0).max(most);
const cpu = z
  .string()
  .refine((text) => parseCpu(text) !== undefined, "expected a CPU quantity such as 500m or 4")
  .meta({ pattern: quantityPattern(CPU_UNITS, 0, Number.POSITIVE_INFINITY) });
const size = z
  .string()
  .refine((text) => parseSize(text) !== undefined, "expected a size such as 512Mi or 8Gi")
  .meta({ pattern: quantityPattern(SIZE_UNITS, 0, Number.POSITIVE_INFINITY) });

export const limitsSchema = z.strictObject({
  endpoints: count(1_000_000).optional().describe("Registered endpoints"),
  replicas: count(100 * REPLICAS_MAX)
    .optional()
    .describe("Replicas of all endpoints together"),
  cpu: cpu.optional().describe("CPU limits of all replicas together"),
  memory: size.optional().describe("Memory limits of all replicas together"),
  requestsPerSecond: z.number().min(0.01).max(1_000_000).optional().describe("Calls a second, in the long run"),
  burst: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe("Calls that may come at once after a pause (default: those of a second); with requestsPerSecond"),
  concurrentRequests: count(1_000_000)
    .optional()
    .describe("Calls under way at a time, waiting ones and WebSockets included"),
  bodySize: size.optional().describe("The largest request body, whatever an endpoint's bodyLimit allows"),
  bundleBytes: size.optional().describe("Bundles that are stored for it, together"),
});
/** What was set. Absent: no such limit, or the server's default. */
export type Limits = z.infer<typeof limitsSchema>;
export type LimitName = keyof Limits;
export const limitNames = Object.keys(limitsSchema.shape) as readonly LimitName[];

/** `limits` of `PUT /-/orgs/<org>`: what is given changes, `null` removes, what is absent stays. */
export const limitsChangeSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(limitsSchema.shape).map(([name, schema]) => [name, schema.nullable()]),
  ) as unknown as { readonly [Name in LimitName]: z.ZodType<Limits[Name] | null> },
);
export type LimitsChange = { readonly [Name in LimitName]?: Limits[Name] | null | undefined };

/** The limits after the change. Without `requestsPerSecond` there is no `burst`. */
export function changedLimits(limits: Limits, change: LimitsChange): Limits {
  const after: Record<string, unknown> = { ...limits };
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete after[name];
    else if (value !== undefined) after[name] = value;
  }
  if (after.requestsPerSecond === undefined) delete after.burst;
  return after as Limits;
}

/** What contradicts itself; undefined when nothing does. */
export function limitsProblem(change: LimitsChange, after: Limits): string | undefined {
  if (typeof change.burst === "number" && after.burst === undefined)
    return `expected "burst" to come with "requestsPerSecond", got ${change.burst} without`;
  return undefined;
}

/** The same in plain numbers; what is not limited is Infinity. */
export interface LimitNumbers {
  readonly endpoints: number;
  readonly replicas: number;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly requestsPerSecond: number;
  readonly burst: number;
  readonly concurrentRequests: number;
  readonly bodyBytes: number;
  readonly bundleBytes: number;
}

/** Bodies of calls that wait are in the server's memory, and each has a socket: without a bound one organization could take all there is. */
export const DEFAULT_CONCURRENT_REQUESTS = 10_000;

/** In numbers; what was not set is as in `defaults`. */
export function limitNumbers(limits: Limits, defaults: Limits = {}): LimitNumbers {
  const all: Limits = { ...defaults, ...limits };
  const { requestsPerSecond = Number.POSITIVE_INFINITY } = all;
  return {
    endpoints: all.endpoints ?? Number.POSITIVE_INFINITY,
    replicas: all.replicas ?? Number.POSITIVE_INFINITY,
    cpuMillis: parsed(all.cpu, parseCpu),
    memoryBytes: parsed(all.memory, parseSize),
    requestsPerSecond,
    burst: all.burst ?? Math.max(1, Math.ceil(requestsPerSecond)),
    concurrentRequests: all.concurrentRequests ?? DEFAULT_CONCURRENT_REQUESTS,
    bodyBytes: parsed(all.bodySize, parseSize),
    bundleBytes: parsed(all.bundleBytes, parseSize),
  };
}

const parsed = (text: string | undefined, parse: (text: string) => number | undefined) =>
  text === undefined ? Number.POSITIVE_INFINITY : (parse(text) ?? Number.POSITIVE_INFINITY);
