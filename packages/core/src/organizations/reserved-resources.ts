import type { Settings } from "../endpoints/settings.ts";
import { formatSize, parseCpu, parseSize } from "../units.ts";

/** What endpoints are kept by their settings, whether they have it at the moment or not. */
export interface ReservedResources {
  readonly endpoints: number;
  readonly replicas: number;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

export const NO_RESOURCES: ReservedResources = { endpoints: 0, replicas: 0, cpuMillis: 0, memoryBytes: 0 };

/** An endpoint that has no replica until its first request is kept none. */
export function reservedBy({ replicas, cpu, memory }: Settings): ReservedResources {
  return {
    endpoints: 1,
    replicas,
    cpuMillis: replicas * (parseCpu(cpu) ?? 0),
    memoryBytes: replicas * (parseSize(memory) ?? 0),
  };
}

/** `all` with `more`, and without `less`. */
export function replaceReserved(
  all: ReservedResources,
  more: ReservedResources,
  less: ReservedResources,
): ReservedResources {
  return {
    endpoints: all.endpoints + more.endpoints - less.endpoints,
    replicas: all.replicas + more.replicas - less.replicas,
    cpuMillis: all.cpuMillis + more.cpuMillis - less.cpuMillis,
    memoryBytes: all.memoryBytes + more.memoryBytes - less.memoryBytes,
  };
}

const counted = (noun: string) => (value: number) => `${value} ${noun}${value === 1 ? "" : "s"}`;

/** In words. */
export const formatResources: Readonly<Record<keyof ReservedResources, (value: number) => string>> = {
  endpoints: counted("endpoint"),
  replicas: counted("replica"),
  cpuMillis: (value) => `${value}m CPU`,
  memoryBytes: (value) => `${formatSize(value)} memory`,
};
