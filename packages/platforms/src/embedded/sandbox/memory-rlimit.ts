import type { EndpointSpec } from "@faas/core";
import { runtimeCommand } from "../../common/runtime-command.ts";

/** How much a process may map for writing (RLIMIT_DATA, setrlimit(2)): the kernel's bound behind the watch, which looks at what is really used. */

type Bounded = Pick<EndpointSpec, "runtime" | "memoryBytes"> & Partial<Pick<EndpointSpec, "concurrency">>;

/** Bytes for one process of a function; above its memory by what runtimes map and do not use, so that what is usual does not meet it before the watch. */
export const dataBound = ({ runtime, memoryBytes, concurrency = 1 }: Bounded): number =>
  memoryBytes + runtimeCommand(runtime).unusedBytes(concurrency);
