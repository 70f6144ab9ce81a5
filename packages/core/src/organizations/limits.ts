import { z } from "zod";
import { REPLICAS_MAX } from "../endpoints/quantity-schemas.ts";
import { hostnamePatternSchema } from "../hostname-schemas.ts";
import { resourcesSchema } from "../placement/extended-resources.ts";
import { classNameSchema, nodeSelectorSchema, tolerationsSchema } from "../placement/placement.ts";
import { quantityMeta } from "../quantity-pattern.ts";
import { subjectPatternSchema } from "../triggers/nats-subject.ts";
import { CPU_UNITS, parseCpu, parseSize, SIZE_UNITS } from "../units.ts";
import { destinationPatternSchema } from "./destination-patterns.ts";

/** Limits of an organization, in the admin's notation: the same in the API and in the state file. */

const count = (max: number) => z.int().min(0).max(max);
const cpu = z
  .string()
  .refine((text) => parseCpu(text) !== undefined, "expected a CPU quantity such as 500m or 4")
  .meta(quantityMeta(CPU_UNITS, 0, Number.POSITIVE_INFINITY));
const size = z
  .string()
  .refine((text) => parseSize(text) !== undefined, "expected a size such as 512Mi or 8Gi")
  .meta(quantityMeta(SIZE_UNITS, 0, Number.POSITIVE_INFINITY));

/** Maximum of the limit `revisions`: each change of an endpoint writes the list of its revisions. */
const REVISIONS_MAX = 100;

export const limitsSchema = z.strictObject({
  endpoints: count(1_000_000).optional().describe("Registered endpoints"),
  replicas: count(100 * REPLICAS_MAX)
    .optional()
    .describe("Replicas of all endpoints together"),
  cpu: cpu.optional().describe("CPU limits of all replicas together"),
  cpuMax: cpu
    .optional()
    .describe("CPU limit that load may raise that of one replica to, also where cpuMax allows more"),
  memory: size.optional().describe("Memory limits of all replicas together"),
  disk: size.optional().describe("Disk limits of all replicas together"),
  requestsPerSecond: z.number().min(0.01).max(1_000_000).optional().describe("Calls per second, on average"),
  burst: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe("Calls in a burst after a pause (default: those of one second); needs requestsPerSecond"),
  concurrentRequests: count(1_000_000).optional().describe("Concurrent calls, including waiting ones and WebSockets"),
  waitingCalls: count(10_000_000)
    .optional()
    .describe("Asynchronous calls that wait, are being delivered or have failed (default 100000)"),
  waitingBytes: size.optional().describe("Bodies of those calls together (default 1Gi)"),
  bodySize: size.optional().describe("Maximum request body, even if an endpoint's bodyLimit is larger"),
  bundleBytes: size.optional().describe("Stored bundles together"),
  revisions: z
    .int()
    .min(1)
    .max(REVISIONS_MAX)
    .optional()
    .describe("Kept revisions of each endpoint, including the serving one"),
  warmPods: count(100)
    .optional()
    .describe("Warm pods per environment: a base image with dependencies. Absent: those of the installation"),
  hostnames: z
    .array(hostnamePatternSchema)
    .max(1_000)
    .readonly()
    .optional()
    .describe(
      "Hostnames that its endpoints may have; *.example.com allows one label in place of the star. Absent: none",
    ),
  destinations: z
    .array(destinationPatternSchema)
    .max(1_000)
    .readonly()
    .optional()
    .describe(
      "Hosts of URLs that its asynchronous calls may be passed on to: hooks.example.com, http://10.0.0.5:8080 or, with private addresses, private:hooks.internal. Absent: none",
    ),
  natsSubjects: z
    .array(subjectPatternSchema)
    .max(1_000)
    .readonly()
    .optional()
    .describe(
      "NATS subjects whose messages its endpoints may get, perhaps with * and >, beside its own, ORG.>. Absent: none",
    ),
  resources: resourcesSchema(0)
    .optional()
    .describe(
      'Extended resources of all replicas together, by name, such as {"nvidia.com/gpu": 4}. One that is not named is not allowed',
    ),
  nodeSelector: nodeSelectorSchema.optional().describe("Labels that the nodes of its replicas must have"),
  tolerations: tolerationsSchema
    .optional()
    .describe("Taints that its replicas tolerate, such as dedicated=acme:NoSchedule"),
  priorityClass: classNameSchema.optional().describe("PriorityClass of its replicas, which must exist in the cluster"),
  runtimeClass: classNameSchema
    .optional()
    .describe("RuntimeClass of its replicas, such as that of gVisor or Kata, which must exist in the cluster"),
});
/** Limits that were set. Absent: no such limit, or the server's default. */
export type Limits = z.infer<typeof limitsSchema>;
/** Settings among the limits that decide about the nodes of an organization's replicas. */
export type Placement = Pick<Limits, "nodeSelector" | "tolerations" | "priorityClass" | "runtimeClass">;
export type LimitName = keyof Limits;
export const limitNames = Object.keys(limitsSchema.shape) as readonly LimitName[];

/** Schema of `limits` in `PUT /-/orgs/<org>`: a value sets a limit, `null` removes it, an absent one stays. */
export const limitsChangeSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(limitsSchema.shape).map(([name, schema]) => [name, schema.nullable()]),
  ) as unknown as { readonly [Name in LimitName]: z.ZodType<Limits[Name] | null> },
);
export type LimitsChange = { readonly [Name in LimitName]?: Limits[Name] | null | undefined };

/** Applies a change to limits. Removing `requestsPerSecond` removes `burst` too. */
export function changedLimits(limits: Limits, change: LimitsChange): Limits {
  const after: Record<string, unknown> = { ...limits };
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete after[name];
    else if (value !== undefined) after[name] = value;
  }
  if (after.requestsPerSecond === undefined) delete after.burst;
  return after as Limits;
}

/** Checks a change of limits for contradictions. Returns a message about the first one, or undefined. */
export function limitsProblem(change: LimitsChange): string | undefined {
  if (typeof change.burst === "number" && typeof change.requestsPerSecond !== "number")
    return `expected "burst" together with "requestsPerSecond", got ${change.burst} alone`;
  return undefined;
}
