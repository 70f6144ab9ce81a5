import type { EndpointSpec } from "@faas/core";
import { runtimeCommand, serverUnusedBytes } from "../../common/runtime-command.ts";

type LimitedSpec = Pick<EndpointSpec, "runtime" | "memoryBytes"> & Partial<Pick<EndpointSpec, "app" | "concurrency">>;

/**
 * Returns the bytes that one process of a function may map for writing (RLIMIT_DATA, setrlimit(2)). The kernel enforces this limit; the server's
 * periodic check of resident memory should act first. So it is the memory limit plus what the runtime maps without using it.
 */
export const memoryRlimit = ({ app, runtime, memoryBytes, concurrency = 1 }: LimitedSpec): number =>
  memoryBytes + (app === "server" ? serverUnusedBytes : runtimeCommand(runtime).unusedBytes)(concurrency);
