import type { Settings } from "../endpoints/settings.ts";
import { DEFAULT_DISK } from "../placement/default-disk.ts";
import { formatSize, parseCpu, parseSize } from "../units.ts";

/** Resources that the settings of endpoints reserve, whether they are in use or not. */
export interface ReservedResources {
  readonly endpoints: number;
  readonly replicas: number;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

export const NO_RESOURCES: ReservedResources = {
  endpoints: 0,
  replicas: 0,
  cpuMillis: 0,
  memoryBytes: 0,
  diskBytes: 0,
};

/** Returns the resources that an endpoint reserves. With `replicas` 0, it reserves nothing that replicas use. */
export function reservedBy({ replicas, cpu, memory, disk = DEFAULT_DISK }: Settings): ReservedResources {
  return {
    endpoints: 1,
    replicas,
    cpuMillis: replicas * (parseCpu(cpu) ?? 0),
    memoryBytes: replicas * (parseSize(memory) ?? 0),
    diskBytes: replicas * (parseSize(disk) ?? 0),
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
    diskBytes: total.diskBytes + added.diskBytes - removed.diskBytes,
  };
}

const counted = (noun: string) => (value: number) => `${value} ${noun}${value === 1 ? "" : "s"}`;

/** Formatters per resource, for messages. */
export const formatResources: Readonly<Record<keyof ReservedResources, (value: number) => string>> = {
  endpoints: counted("endpoint"),
  replicas: counted("replica"),
  cpuMillis: (value) => `${value}m CPU`,
  memoryBytes: (value) => `${formatSize(value)} memory`,
  diskBytes: (value) => `${formatSize(value)} disk`,
};
