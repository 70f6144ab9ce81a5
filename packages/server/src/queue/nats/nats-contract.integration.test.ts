import { after } from "node:test";
import { NatsServer } from "@faas/testing";
import { testQueueContract } from "../../testing/queue/contract.ts";
import type { Queue } from "../queue.ts";
import { openNatsQueue } from "./nats-queue.ts";

const server = await NatsServer.start();
after(() => server[Symbol.asyncDispose]());
let streams = 0;

testQueueContract("nats", async (t, options = {}) => {
  const url = `${server.url}?stream=test-${++streams}`;
  const open = () => openNatsQueue({ url, instance: "test", ...options });
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
