import assert from "node:assert/strict";
import { test } from "node:test";
import type { NewMessage } from "../../queue/queue.ts";
import {
  type Check,
  DEAD,
  DONE,
  eventuallyHolds,
  LONG_MS,
  message,
  next,
  now,
  type QueueFactory,
  SHORT_MS,
  TOPIC,
  textsOf,
} from "./harness.ts";

export function testRestart(check: Check): void {
  check("messages, their states, notes and order are there after a restart", async ({ queue, reopen }) => {
    const done = await queue.enqueue(message("1"));
    const dead = await queue.enqueue(message("2"));
    await queue.settle(await next(queue), DONE);
    await queue.settle(await next(queue), DEAD);
    await queue.enqueue(message("3", { orderKey: "k" }));
    await queue.enqueue(message("4", { orderKey: "k" }));
    const delayed = await queue.enqueue(message("5", { dueMs: now() + LONG_MS }));
    await queue.enqueue(message("6"));
    const listed = queue.list({ group: "acme", limit: 9 });
    const totals = queue.groupTotals("acme");
    const again = await reopen();
    assert.deepEqual(again.list({ group: "acme", limit: 9 }), listed);
    assert.deepEqual(again.groupTotals("acme"), totals);
    assert.deepEqual((await again.read(done.id))?.notes.map(String), ["200"]);
    assert.deepEqual((await again.read(dead.id))?.body?.toString(), "2");
    assert.equal(again.find(delayed.id)?.dueMs, listed[1]?.dueMs);
    assert.deepEqual(textsOf(await again.lease(TOPIC, 9, LONG_MS)), ["3", "6"]);
  });

  check("leases end with the process that had them; their attempts count", async ({ queue, reopen }) => {
    await queue.enqueue(message("a"));
    const lease = await next(queue);
    const again = await reopen();
    const second = await next(again);
    assert.deepEqual([second.id, second.attempt], [lease.id, 2]);
    assert.equal(await again.settle(lease, DONE), false);
  });

  check("ids continue after those before a restart", async ({ queue, reopen }) => {
    const before = await queue.enqueue(message("a"));
    const after = await (await reopen()).enqueue(message("b"));
    assert.ok(after.id > before.id);
  });

  check("removed messages stay removed after a restart", async ({ queue, reopen }) => {
    const { id } = await queue.enqueue(message("a"));
    await queue.enqueue(message("b", { topic: "acme/other" }));
    await queue.drop(id);
    await queue.dropTopic("acme/other");
    assert.deepEqual((await reopen()).list({ group: "acme", limit: 9 }), []);
  });
}

export function testDuplicates(name: string, open: QueueFactory, check: Check): void {
  const keyed = (text: string, more: Partial<NewMessage> = {}) => message(text, { idempotencyKey: "key", ...more });

  check(
    "of messages with an idempotency key, the first is added, also of those at the same time",
    async ({ queue }) => {
      const receipts = await Promise.all(["a", "b", "c"].map((text) => queue.enqueue(keyed(text))));
      const id = receipts[0]?.id as string;
      assert.deepEqual(receipts, [
        { id, isDuplicate: false },
        { id, isDuplicate: true },
        { id, isDuplicate: true },
      ]);
      assert.deepEqual(textsOf(await queue.lease(TOPIC, 9, LONG_MS)), ["a"]);
    },
  );

  check("an idempotency key outlives its message and a restart, and is one of its topic", async ({ queue, reopen }) => {
    const { id } = await queue.enqueue(keyed("a"));
    await queue.drop(id);
    assert.deepEqual(await queue.enqueue(keyed("b")), { id, isDuplicate: true });
    assert.equal((await queue.enqueue(keyed("c", { topic: "acme/other" }))).isDuplicate, false);
    assert.deepEqual(await (await reopen()).enqueue(keyed("d")), { id, isDuplicate: true });
  });

  check("a message with an id that exists is a duplicate", async ({ queue }) => {
    const receipts = await Promise.all([1, 2].map(() => queue.enqueue(message("a", { id: "own" }))));
    assert.deepEqual(
      receipts.map(({ isDuplicate }) => isDuplicate),
      [false, true],
    );
    assert.deepEqual(await queue.enqueue(message("b", { id: "own" })), { id: "own", isDuplicate: true });
    assert.equal(queue.topicTotals(TOPIC).waiting, 1);
  });

  test(`${name}: an idempotency key is forgotten after the window`, async (t) => {
    const { queue } = await open(t, { idempotencyWindowMs: SHORT_MS });
    await queue.enqueue(keyed("a"));
    await eventuallyHolds(async () => assert.equal((await queue.enqueue(keyed("b"))).isDuplicate, false));
  });
}
