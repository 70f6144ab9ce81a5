import { describe } from "node:test";
import { run } from "../../faults/parts/pool.ts";
import { testShortForm } from "../../faults/short.ts";

/** Faults between the claim of a warm pod and its hand-over, and refused resizes, in a few rounds. */
describe("short faults of warm pods and CPU limits", { concurrency: 2 }, () => {
  for (const [title, ...faults] of [
    ["a claimed pod is deleted, killed or unreachable", "pods-deleted", "pods-killed", "pods-unreachable"],
    ["the control server is killed before the hand-over", "server-killed"],
    ["a quota or a range refuses a higher CPU limit", "resize-limits-quota", "resize-limit-range"],
  ] as const)
    testShortForm(title, async (options) => (await run({ ...options, faults })).rows, 6);
});
