import assert from "node:assert/strict";
import { test } from "node:test";
import { asyncPolicy } from "@faas/core";
import { formatRecord } from "@faas/gateway";
import { tempDir } from "@faas/testing";
import { openJournalQueue } from "../queue/journal/journal-queue.ts";
import type { Queue } from "../queue/queue.ts";
import { AsyncCallService } from "./async-call-service.ts";
import { formatNote } from "./delivery-note.ts";

test("a call that ends while it is read for a waiting client reaches the client at once", async (t) => {
  const queue = await openJournalQueue({ folder: tempDir("queue") });
  t.after(() => queue[Symbol.asyncDispose]());
  const request = {
    ...{ method: "POST", url: "/acme/x", target: "/", host: "h", address: "1.2.3.4", proto: "http" as const },
    ...{ lines: "", headers: {}, requestId: "r" },
  };
  const { id } = await queue.enqueue({ topic: "acme/x", body: formatRecord(request, Buffer.alloc(0)) });
  let reads = 0;
  // Ends the call between the first read and its return.
  const ending = new Proxy(queue, {
    get(target, name) {
      if (name !== "read") {
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      }
      return async (...args: Parameters<Queue["read"]>) => {
        const message = await target.read(...args);
        if (reads++ > 0) return message;
        const [lease] = await target.lease("acme/x", 1, 60_000);
        assert.ok(lease);
        const note = formatNote({ startedMs: 1, durationMs: 1, requestId: "r", status: 200, headers: [] });
        await target.settle(lease, { type: "done", note, keepMs: 60_000 });
        return message;
      };
    },
  });
  const service = new AsyncCallService({
    ...{ queue: ending, limitsOf: () => ({ waitingCalls: 1, waitingBytes: 1 }), policyOf: () => asyncPolicy() },
    revisionOf: () => undefined,
  });
  const deadline = AbortSignal.timeout(20_000);
  assert.equal((await service.waitForEnd("acme", id, deadline)).state, "completed");
  assert.equal(deadline.aborted, false, "only after the deadline");
});
