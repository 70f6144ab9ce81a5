import { once } from "node:events";
import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from "node:perf_hooks";
import { test } from "node:test";
import { HeapTrim } from "./heap-trim.ts";

/** Entry of a garbage collection (Node.js, `node:perf_hooks`). */
interface CollectionEntry {
  readonly detail: NodeGCPerformanceDetail;
}

test("all garbage is collected some time after all endpoints became idle", async () => {
  const collections = new EventTarget();
  const observer = new PerformanceObserver((list) => {
    const kinds = (list.getEntries() as unknown as CollectionEntry[]).map(({ detail }) => detail.kind);
    if (kinds.includes(constants.NODE_PERFORMANCE_GC_MAJOR)) collections.dispatchEvent(new Event("major"));
  });
  observer.observe({ entryTypes: ["gc"] });
  // The timer of the collection does not keep the process alive.
  const alive = setInterval(() => {}, 1_000);
  try {
    const collected = once(collections, "major", { signal: AbortSignal.timeout(20_000) });
    new HeapTrim(1).schedule();
    await collected;
  } finally {
    clearInterval(alive);
    observer.disconnect();
  }
});
