import { availableParallelism } from "node:os";
import type { EndpointSpec } from "@faas/core";

/** How much a process may map for writing (RLIMIT_DATA, setrlimit(2)): the kernel's bound behind the watch, which looks at what is really used. */

const GI = 2 ** 30;
/** For allocators that take memory long before they use it. */
const SPARE = 2 * GI;
/** A thread's stack is mapped whole, and used by a hundredth. */
const STACK = 8 * 2 ** 20;
/** Since V8 13 each thread of JavaScript maps 512 MiB for compiled code, of which next to nothing is used. */
const MAPS_CODE = Number(process.versions.v8.split(".")[0]) >= 13;

type Bounded = Pick<EndpointSpec, "runtime" | "memoryBytes"> & Partial<Pick<EndpointSpec, "concurrency">>;

/** Bytes for one process of a function; above its memory by what runtimes map and do not use, so that what is usual does not meet it before the watch. */
export function dataBound({ runtime, memoryBytes, concurrency = 1 }: Bounded): number {
  if (runtime === "python") return memoryBytes + SPARE + concurrency * STACK;
  return memoryBytes + (MAPS_CODE ? (3 + availableParallelism()) * GI : SPARE);
}
