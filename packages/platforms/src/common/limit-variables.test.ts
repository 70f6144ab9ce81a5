import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { heapOption, limitVariables, nodeOptions } from "./limit-variables.ts";

const MIB = 2 ** 20;
const limits = (cpuMillis: number) => limitVariables({ cpuMillis, memoryBytes: 100 * MIB });

describe("variables from the limits of an endpoint", () => {
  for (const [cpuMillis, threads, libuvThreads] of [
    [100, "1", "4"],
    [1000, "1", "4"],
    [1500, "2", "4"],
    [8000, "8", "8"],
  ] as const)
    test(`for ${cpuMillis}m CPU allow ${threads} threads`, () => {
      const { UV_THREADPOOL_SIZE, GOMAXPROCS, PYTHON_CPU_COUNT, WEB_CONCURRENCY, RAYON_NUM_THREADS } =
        limits(cpuMillis);
      assert.deepEqual(
        [UV_THREADPOOL_SIZE, GOMAXPROCS, PYTHON_CPU_COUNT, WEB_CONCURRENCY, RAYON_NUM_THREADS],
        [libuvThreads, threads, threads, threads, threads],
      );
    });

  test("allow threads for the limit that load may raise, and worker processes for that of the settings", () => {
    const { GOMAXPROCS, UV_THREADPOOL_SIZE, WEB_CONCURRENCY } = limitVariables({
      ...{ cpuMillis: 1500, cpuMaxMillis: 6000, memoryBytes: 100 * MIB },
    });
    assert.deepEqual([GOMAXPROCS, UV_THREADPOOL_SIZE, WEB_CONCURRENCY], ["6", "6", "2"]);
  });

  test("keep Go below the memory limit", () => {
    assert.equal(limits(100).GOMEMLIMIT, String(90 * MIB));
  });

  test("give Node's heap three quarters of the memory, and at least 16 MiB", () => {
    assert.equal(heapOption(512 * MIB), "--max-old-space-size=384");
    assert.equal(heapOption(8 * MIB), "--max-old-space-size=16");
  });

  test("leave a heap limit of the user in place", () => {
    const script = "console.log(v8.getHeapStatistics().heap_size_limit)";
    const limit = (own?: string) =>
      Number(execFileSync(process.execPath, ["-e", script], { env: { NODE_OPTIONS: nodeOptions(512 * MIB, own) } }));
    assert.ok(limit("--max-old-space-size=800") - limit() >= 400 * MIB);
  });
});
