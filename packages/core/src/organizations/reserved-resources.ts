import type { Settings } from "../endpoints/settings.ts";
import { formatSize, parseCpu, parseSize } from "../units.ts";

/** Resources that the settings of endpoints reserve, whether they are in use or not. */
export interface ReservedResources {
  readonly endpoints: number;
  readonly replicas: number;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

export const NO_RESOURCES: ReservedResources = { endpoints: 0, replicas: 0, cpuMillis: 0, memoryBytes: 0 };

/** Returns the resources that an endpoint reserves. With `replicas` 0, it reserves neither CPU nor memory. */
export function reservedBy({ replicas, cpu, memory }: Settings): ReservedResources {
  return {
    endpoints: 1,
    replicas,
    cpuMillis: replicas * (parseCpu(cpu) ?? 0),
    memoryBytes: replicas * (parseSize(memory) ?? 0),
  };
}

/** Updates a total: adds the reservation `added` and subtracts `removed`. */
export function replaceReserved(
  total: ReservedResources,
  added: ReservedResources,
  removed: ReservedResources,
): ReservedResources {
  return {
    endpoints: total.endpoints + added.endpoints - removed.endpoints,
    replicas: total.replicas + added.replicas - removed.replicas,
    cpuMillis: total.cpuMillis + added.cpuMillis - removed.cpuMillis,
    memoryBytes: total.memoryBytes + added.memoryBytes - removed.memoryBytes,
  };
}

const counted = (noun: string) => (value: number) => `${value} ${noun}${value === 1 ? "" : "s"}`;

/** Formatters per resource, for messages. */
export const formatResources: Readonly<Record<keyof ReservedResources, (value: number) => string>> = {
  endpoints: counted("endpoint"),
  replicas: counted("replica"),
  cpuMillis: (value) => `${value}m CPU`,
  memoryBytes: (value) => `${formatSize(value)} memory`,
};
