import assert from "node:assert/strict";
import { type Check, DONE, LONG_MS, message, next, now, SHORT_MS, TOPIC, textsOf } from "./harness.ts";

export function testDelivery(check: Check): void {
  check("messages are leased in the order in which they were added, as many as were asked for", async ({ queue }) => {
    for (const text of ["a", "b", "c"]) await queue.enqueue(message(text));
    assert.deepEqual(textsOf(await queue.lease(TOPIC, 2, LONG_MS)), ["a", "b"]);
    assert.deepEqual(textsOf(await queue.lease(TOPIC, 2, LONG_MS)), ["c"]);
    assert.deepEqual(await queue.lease(TOPIC, 2, LONG_MS), []);
    assert.deepEqual(await queue.lease("acme/other", 1, LONG_MS), []);
  });

  check("a lease has the message's id, topic, body, time and attempt", async ({ queue }) => {
    const before = now();
    const { id, isDuplicate } = await queue.enqueue(message("a"));
    assert.equal(isDuplicate, false);
    assert.match(id, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    const lease = await next(queue);
    assert.deepEqual(
      { ...lease, body: lease.body.toString(), token: 0, enqueuedMs: 0 },
      { id, topic: TOPIC, body: "a", attempt: 1, token: 0, enqueuedMs: 0 },
    );
    assert.ok(lease.enqueuedMs >= before && lease.enqueuedMs <= now());
  });

  check("ids sort in the order of the calls", async ({ queue }) => {
    const receipts = await Promise.all(Array.from({ length: 100 }, () => queue.enqueue(message("a"))));
    const ids = receipts.map(({ id }) => id);
    assert.deepEqual(ids, ids.toSorted());
    assert.equal(new Set(ids).size, ids.length);
  });

  check("an empty body and a body with all bytes arrive as they were", async ({ queue }) => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await queue.enqueue(message(""));
    await queue.enqueue({ topic: TOPIC, body: all });
    const bodies = (await queue.lease(TOPIC, 2, LONG_MS)).map(({ body }) => body);
    assert.deepEqual(bodies, [Buffer.alloc(0), all]);
  });
}

export function testLeases(check: Check): void {
  check("a message whose lease ends is leased again, as another attempt", async ({ queue }) => {
    await queue.enqueue(message("a"));
    const first = await next(queue, SHORT_MS);
    const second = await next(queue);
    assert.deepEqual([second.id, second.attempt], [first.id, 2]);
    assert.notEqual(second.token, first.token);
    assert.equal(await queue.settle(first, DONE), false);
    assert.equal(await queue.extend(first, LONG_MS), false);
    assert.equal(await queue.settle(second, DONE), true);
    assert.equal(await queue.settle(second, DONE), false);
  });

  check("an extended lease does not end before", async ({ queue }) => {
    await queue.enqueue(message("a"));
    const lease = await next(queue, SHORT_MS);
    assert.equal(await queue.extend(lease, LONG_MS), true);
    await queue.enqueue(message("b", { dueMs: now() + 3 * SHORT_MS }));
    assert.equal((await next(queue)).body.toString(), "b");
    assert.equal(await queue.settle(lease, DONE), true);
  });

  check("a delayed message is leased when it is due, not before", async ({ queue }) => {
    const dueMs = now() + 2 * SHORT_MS;
    await queue.enqueue(message("late", { dueMs }));
    await queue.enqueue(message("now"));
    assert.deepEqual(textsOf(await queue.lease(TOPIC, 9, LONG_MS)), ["now"]);
    assert.equal((await next(queue)).body.toString(), "late");
    assert.ok(now() >= dueMs);
  });
}
