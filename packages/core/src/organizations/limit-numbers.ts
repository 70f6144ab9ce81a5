import { parseCpu, parseSize } from "../units.ts";
import type { Limits } from "./limits.ts";

/** Limits as plain numbers, Infinity for no limit. */
export interface LimitNumbers {
  readonly endpoints: number;
  readonly replicas: number;
  readonly cpuMillis: number;
  /** CPU limit of a single replica. */
  readonly cpuMaxMillis: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly requestsPerSecond: number;
  readonly burst: number;
  readonly concurrentRequests: number;
  /** Asynchronous calls that have not been completed, and the bytes of their bodies. */
  readonly waitingCalls: number;
  readonly waitingBytes: number;
  readonly bodyBytes: number;
  readonly bundleBytes: number;
  /** Kept revisions of an endpoint. */
  readonly revisions: number;
}

/** Limits of organizations where neither the organization nor the platform has others. */
export const DEFAULT_LIMITS = {
  /** Waiting calls use memory and sockets of the server: without a limit, one organization could exhaust them. */
  concurrentRequests: 10_000,
  /** Each uses some of the server's memory. */
  waitingCalls: 100_000,
  waitingBytes: "1Gi",
  revisions: 20,
} as const satisfies Limits;

/** Converts limits to numbers, with `defaults` for those that were not set. */
export function limitNumbers(limits: Limits, defaults: Limits = {}): LimitNumbers {
  const all: Limits = { ...defaults, ...limits };
  const { requestsPerSecond = Number.POSITIVE_INFINITY } = all;
  return {
    endpoints: all.endpoints ?? Number.POSITIVE_INFINITY,
    replicas: all.replicas ?? Number.POSITIVE_INFINITY,
    cpuMillis: parsed(all.cpu, parseCpu),
    cpuMaxMillis: parsed(all.cpuMax, parseCpu),
    memoryBytes: parsed(all.memory, parseSize),
    diskBytes: parsed(all.disk, parseSize),
    requestsPerSecond,
    burst: all.burst ?? Math.max(1, Math.ceil(requestsPerSecond)),
    concurrentRequests: all.concurrentRequests ?? DEFAULT_LIMITS.concurrentRequests,
    waitingCalls: all.waitingCalls ?? DEFAULT_LIMITS.waitingCalls,
    waitingBytes: parsed(all.waitingBytes ?? DEFAULT_LIMITS.waitingBytes, parseSize),
    bodyBytes: parsed(all.bodySize, parseSize),
    bundleBytes: parsed(all.bundleBytes, parseSize),
    revisions: all.revisions ?? DEFAULT_LIMITS.revisions,
  };
}

const parsed = (text: string | undefined, parse: (text: string) => number | undefined) =>
  text === undefined ? Number.POSITIVE_INFINITY : (parse(text) ?? Number.POSITIVE_INFINITY);
