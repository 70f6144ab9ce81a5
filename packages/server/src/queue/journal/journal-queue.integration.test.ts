import { tempDir } from "@faas/testing";
import { testQueueContract } from "../../testing/queue/contract.ts";
import type { Queue } from "../queue.ts";
import { openJournalQueue } from "./journal-queue.ts";

testQueueContract("journal", async (t, options = {}) => {
  const folder = tempDir("queue");
  const open = () => openJournalQueue({ folder, ...options });
  let queue: Queue = await open();
  t.after(() => queue[Symbol.asyncDispose]());
  return {
    queue,
    reopen: async () => {
      await queue[Symbol.asyncDispose]();
      queue = await open();
      return queue;
    },
  };
});
