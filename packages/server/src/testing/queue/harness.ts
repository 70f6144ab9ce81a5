import type { TestContext } from "node:test";
import { eventually } from "@faas/testing";
import type { QueueMemoryOptions } from "../../queue/message-log.ts";
import type { Lease, NewMessage, Outcome, Queue } from "../../queue/queue.ts";

/** Queue under test. Its time is the real one. */
export interface QueueFixture {
  readonly queue: Queue;
  /** Ends the queue and opens it again, with the same messages. */
  reopen(): Promise<Queue>;
}

export type FixtureOptions = Pick<QueueMemoryOptions, "idempotencyWindowMs" | "maxDone" | "maxDoneBytes">;

/** Makes an empty queue, and removes it after the test. */
export type QueueFactory = (t: TestContext, options?: FixtureOptions) => Promise<QueueFixture>;

export const TOPIC = "acme/mail";
export const LONG_MS = 60_000;
export const SHORT_MS = 40;
export const DONE: Outcome & { type: "done" } = { type: "done", note: Buffer.from("200"), keepMs: LONG_MS };
export const DEAD: Outcome & { type: "dead" } = { type: "dead", note: Buffer.from("500"), keepMs: LONG_MS };
export const now = () => Date.now();

export const message = (text: string, more: Partial<NewMessage> = {}): NewMessage => ({
  topic: TOPIC,
  body: Buffer.from(text),
  ...more,
});

/** Leases one message, for which it waits. */
export async function next(queue: Queue, leaseMs = LONG_MS): Promise<Lease> {
  return eventually("a message to lease", async () => {
    const [lease] = await queue.lease(TOPIC, 1, leaseMs);
    return lease;
  });
}

/** Repeats an assertion until it holds. */
export const eventuallyHolds = (assertion: () => void | Promise<void>) =>
  eventually("the assertion holds", async () => {
    await assertion();
    return true;
  });

export const textsOf = (leases: readonly Lease[]) => leases.map(({ body }) => body.toString());

/** Defines a test with an empty queue. */
export type Check = (title: string, run: (fixture: QueueFixture, t: TestContext) => Promise<void>) => void;
