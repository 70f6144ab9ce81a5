import assert from "node:assert/strict";
import type { Lease, NewMessage } from "../../queue/queue.ts";
import { type Check, DEAD, DONE, LONG_MS, message, next, now, SHORT_MS, TOPIC, textsOf } from "./harness.ts";

export function testOrder(check: Check): void {
  const ordered = (text: string, more: Partial<NewMessage> = {}) => message(text, { orderKey: "k", ...more });

  check("messages of an order key are leased one at a time, others meanwhile", async ({ queue }) => {
    await queue.enqueue(ordered("k1"));
    await queue.enqueue(ordered("k2"));
    await queue.enqueue(ordered("j1", { orderKey: "j" }));
    await queue.enqueue(message("free"));
    const leases = await queue.lease(TOPIC, 9, LONG_MS);
    assert.deepEqual(textsOf(leases), ["k1", "j1", "free"]);
    await queue.settle(leases[0] as Lease, DONE);
    assert.deepEqual(textsOf(await queue.lease(TOPIC, 9, LONG_MS)), ["k2"]);
  });

  check("a retry blocks the later messages of its order key, a dead message does not", async ({ queue }) => {
    await queue.enqueue(ordered("k1"));
    await queue.enqueue(ordered("k2"));
    await queue.settle(await next(queue), { type: "retry", dueMs: now() + SHORT_MS });
    assert.deepEqual(await queue.lease(TOPIC, 9, LONG_MS), []);
    const again = await next(queue);
    assert.equal(again.body.toString(), "k1");
    await queue.settle(again, DEAD);
    assert.equal((await next(queue)).body.toString(), "k2");
  });

  check("a lease that ends keeps the order of its key", async ({ queue }) => {
    await queue.enqueue(ordered("k1"));
    await queue.enqueue(ordered("k2"));
    await next(queue, SHORT_MS);
    assert.equal((await next(queue)).body.toString(), "k1");
  });

  check("a dropped message lets the next of its order key through", async ({ queue }) => {
    const { id } = await queue.enqueue(ordered("k1", { dueMs: now() + LONG_MS }));
    await queue.enqueue(ordered("k2"));
    assert.deepEqual(await queue.lease(TOPIC, 9, LONG_MS), []);
    await queue.drop(id);
    assert.equal((await next(queue)).body.toString(), "k2");
  });

  check(
    "a replayed message waits for the leased one of its order key, and comes before the later ones",
    async ({ queue }) => {
      const { id } = await queue.enqueue(ordered("k1"));
      for (const text of ["k2", "k3"]) await queue.enqueue(ordered(text));
      await queue.settle(await next(queue), DEAD);
      const second = await next(queue);
      assert.equal(second.body.toString(), "k2");
      await queue.replay(id);
      assert.deepEqual(await queue.lease(TOPIC, 9, LONG_MS), []);
      await queue.settle(second, DONE);
      assert.deepEqual(textsOf(await queue.lease(TOPIC, 9, LONG_MS)), ["k1"]);
    },
  );
}
