import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lease, Queue } from "../../queue/queue.ts";
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

export function testOutcomes(check: Check): void {
  check("a message that is done keeps its note, and loses its body", async ({ queue }) => {
    const { id } = await queue.enqueue(message("abc"));
    assert.equal(await queue.settle(await next(queue), DONE), true);
    const read = await queue.read(id);
    assert.deepEqual([read?.status, read?.body, read?.notes.map(String)], ["done", undefined, ["200"]]);
    assert.ok((read?.keepUntilMs ?? 0) > now());
    assert.deepEqual(queue.topicTotals(TOPIC), { waiting: 0, leased: 0, done: 1, dead: 0, bodyBytes: 0 });
  });

  check("messages that are done or dead are removed after keepMs", async ({ queue }) => {
    const ids = [(await queue.enqueue(message("a"))).id, (await queue.enqueue(message("b"))).id];
    await queue.settle(await next(queue), { ...DONE, keepMs: SHORT_MS });
    await queue.settle(await next(queue), { ...DEAD, keepMs: SHORT_MS });
    await eventuallyHolds(() =>
      assert.deepEqual(
        ids.map((id) => queue.find(id)),
        [undefined, undefined],
      ),
    );
    assert.deepEqual(queue.groupTotals("acme"), { waiting: 0, leased: 0, done: 0, dead: 0, bodyBytes: 0 });
  });

  check("a retry waits until it is due, and counts unless it says not to", async ({ queue }) => {
    const { id } = await queue.enqueue(message("a"));
    const dueMs = now() + SHORT_MS;
    await queue.settle(await next(queue), { type: "retry", dueMs, note: Buffer.from("first") });
    assert.equal(queue.find(id)?.attempts, 1);
    const second = await next(queue);
    assert.ok(now() >= dueMs);
    assert.equal(second.attempt, 2);
    await queue.settle(second, { type: "retry", dueMs: now(), isUncounted: true });
    const third = await next(queue);
    assert.equal(third.attempt, 2);
    await queue.settle(third, DEAD);
    assert.deepEqual((await queue.read(id))?.notes.map(String), ["first", "500"]);
  });
}

export function testReplayAndDrop(check: Check): void {
  check("a dead message is replayed with its body, all its attempts and its earlier notes", async ({ queue }) => {
    const { id } = await queue.enqueue(message("a"));
    assert.equal(await queue.settle(await next(queue), DEAD), true);
    assert.equal((await queue.read(id))?.body?.toString(), "a");
    assert.equal(queue.topicTotals(TOPIC).dead, 1);
    assert.equal(await queue.replay(id), true);
    const lease = await next(queue);
    assert.deepEqual([lease.body.toString(), lease.attempt], ["a", 1]);
    assert.equal(await queue.replay(id), false);
    await queue.settle(lease, DONE);
    assert.deepEqual((await queue.read(id))?.notes.map(String), ["500", "200"]);
    assert.equal(await queue.replay(id), false);
    assert.equal(await queue.replay("unknown"), false);
  });

  check("a delayed message is replayed at once", async ({ queue }) => {
    const { id } = await queue.enqueue(message("a", { dueMs: now() + LONG_MS }));
    assert.equal(await queue.replay(id), true);
    assert.equal((await next(queue)).id, id);
  });

  check("a dropped message is gone in every state, and its lease ends", async ({ queue }) => {
    const leased = await queue.enqueue(message("a"));
    const lease = await next(queue);
    const waiting = await queue.enqueue(message("b"));
    const delayed = await queue.enqueue(message("c", { dueMs: now() + LONG_MS }));
    for (const { id } of [leased, waiting, delayed]) {
      assert.equal(await queue.drop(id), true);
      assert.equal(queue.find(id), undefined);
      assert.equal(await queue.read(id), undefined);
      assert.equal(await queue.drop(id), false);
    }
    assert.equal(await queue.settle(lease, DONE), false);
    assert.deepEqual(await queue.lease(TOPIC, 9, LONG_MS), []);
  });

  check("dropping a topic removes its messages, and no others", async ({ queue }) => {
    await queue.enqueue(message("a"));
    await next(queue);
    await queue.enqueue(message("b", { dueMs: now() + LONG_MS }));
    const other = await queue.enqueue(message("c", { topic: "acme/other" }));
    await queue.dropTopic(TOPIC);
    assert.deepEqual([...queue.topics()], ["acme/other"]);
    assert.deepEqual(
      queue.list({ group: "acme", limit: 9 }).map(({ id }) => id),
      [other.id],
    );
    await queue.enqueue(message("d"));
    assert.deepEqual(textsOf(await queue.lease(TOPIC, 9, LONG_MS)), ["d"]);
  });
}

export function testDroppedGroup(check: Check): void {
  check("the messages of a group can be dropped, and those of others stay", async ({ queue, reopen }) => {
    await queue.enqueue(message("a"));
    await queue.enqueue(message("b", { topic: "acme/other" }));
    const other = await queue.enqueue(message("c", { topic: "acme2/x" }));
    await queue.dropGroup("acme");
    assert.deepEqual([...queue.topics()], ["acme2/x"]);
    const reopened = await reopen();
    assert.deepEqual(reopened.list({ group: "acme", limit: 9 }), []);
    assert.equal(reopened.find(other.id)?.status, "waiting");
  });
}

export function testDoneLimits(name: string, open: QueueFactory): void {
  const limits = { number: { maxDone: 3 }, "number of bytes": { maxDoneBytes: 4_000 } };
  for (const [limit, options] of Object.entries(limits))
    test(`${name}: a group keeps a limited ${limit} of messages that are done, those that ended last`, async (t) => {
      const { queue, reopen } = await open(t, options);
      const note = Buffer.alloc(1_000, "x");
      const topics = Array.from({ length: 6 }, (_, index) => `acme/${index % 2}`);
      const ids = await Promise.all(topics.map(async (topic) => (await queue.enqueue(message("a", { topic }))).id));
      const leases = (await Promise.all(["acme/0", "acme/1"].map((topic) => queue.lease(topic, 9, LONG_MS)))).flat();
      const failed = await queue.enqueue(message("b"));
      await queue.settle(await next(queue), DEAD);
      // The other way round than they were added.
      for (const id of ids.toReversed())
        await queue.settle(leases.find((lease) => lease.id === id) as Lease, { ...DONE, note });
      const kept = [failed.id, ...ids.slice(0, 3).toReversed()].sort();
      const listed = (from: Queue) => from.list({ group: "acme", limit: 9 }).map(({ id }) => id);
      assert.deepEqual(listed(queue).sort(), kept);
      await queue.enqueue(message("c", { topic: "other/a" }));
      assert.deepEqual(listed(await reopen()).sort(), kept);
    });
}
