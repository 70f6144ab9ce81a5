import type { EndpointSpec } from "@faas/core";

/** Fraction of the memory limit for Node's heap. The rest is for buffers, code and stacks. */
const HEAP_RATIO = 0.75;
const MIN_HEAP_MIB = 16;
/** Fraction of the memory limit at which Go collects garbage more often. */
const GO_MEMORY_RATIO = 0.9;
/** Number of libuv's threads, which mostly wait for files and names, so that fewer than its default would only slow them down. */
const MIN_LIBUV_THREADS = 4;

type Limits = Pick<EndpointSpec, "memoryBytes" | "cpuMillis" | "cpuMaxMillis">;

/** Returns Node's option for the heap limit. Without it, Node allows 259 MiB in any container of up to 512 MiB. */
export const heapOption = (memoryBytes: number): string =>
  `--max-old-space-size=${Math.max(MIN_HEAP_MIB, Math.floor((memoryBytes / 2 ** 20) * HEAP_RATIO))}`;

/**
 * Returns variables from which runtimes and libraries derive threads, workers and memory. Without them, most use the number of the machine's cores: only
 * some know the limit of a container. They are read once, at the start: threads, which cost little, are for the limit that load may raise that of the replica to,
 * and worker processes, which need memory each, for its own.
 */
export function limitVariables({ memoryBytes, cpuMillis, cpuMaxMillis = cpuMillis }: Limits): Record<string, string> {
  const coresOf = (millis: number) => Math.max(1, Math.ceil(millis / 1000));
  const cores = coresOf(Math.max(cpuMillis, cpuMaxMillis));
  const threads = String(cores);
  return {
    UV_THREADPOOL_SIZE: String(Math.max(MIN_LIBUV_THREADS, cores)),
    PYTHON_CPU_COUNT: threads,
    GOMAXPROCS: threads,
    GOMEMLIMIT: String(Math.floor(memoryBytes * GO_MEMORY_RATIO)),
    RAYON_NUM_THREADS: threads,
    TOKIO_WORKER_THREADS: threads,
    DOTNET_PROCESSOR_COUNT: threads,
    WEB_CONCURRENCY: String(coresOf(cpuMillis)),
    // Numeric libraries start one thread per core. These wait for each other when two calls run at once, and starve under a CPU limit.
    OMP_NUM_THREADS: "1",
    OPENBLAS_NUM_THREADS: "1",
    MKL_NUM_THREADS: "1",
  };
}

/** Returns the options of every Node process of a function or server: the heap limit, and the user's own options, which win. */
export const nodeOptions = (memoryBytes: number, own = ""): string => `${heapOption(memoryBytes)} ${own}`.trimEnd();
