import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "@faas/core";
import { podFacts } from "../pod-facts.ts";
import { pod } from "../testing/pods.ts";
import { EvictedPods } from "./evicted-pods.ts";

const evicted = podFacts(
  pod({}, { phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory. " }),
);
const running = podFacts(pod({ state: { running: {} } }, { phase: "Running" }));

test("an evicted pod is deleted once, when its last lines have been read, and others stay", async (t) => {
  const closing = new AbortController();
  t.after(() => closing.abort());
  const removed: string[] = [];
  const deleted = Promise.withResolvers<void>();
  const api = {
    delete: async (_kind: string, namespace: string | undefined, name: string) => {
      removed.push(`${namespace}/${name}`);
      deleted.resolve();
    },
  };
  const log: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const pods = new EvictedPods(api, log, closing.signal, 10);
  for (const facts of [running, evicted, evicted]) pods.observe(facts);
  assert.deepEqual(removed, []);
  await deleted.promise;
  assert.deepEqual(removed, ["faas-acme/x-1-a"]);
});
