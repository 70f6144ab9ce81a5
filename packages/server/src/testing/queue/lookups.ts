import assert from "node:assert/strict";
import { type Check, DEAD, DONE, eventuallyHolds, LONG_MS, message, next, now, SHORT_MS, TOPIC } from "./harness.ts";

export function testLookups(check: Check): void {
  check("totals count messages and bytes by state, of topics and of groups", async ({ queue }) => {
    for (const text of ["1", "22", "333", "4444"]) await queue.enqueue(message(text));
    await queue.enqueue(message("55555", { topic: "acme/other" }));
    await queue.enqueue(message("666666", { topic: "zeta/mail" }));
    await queue.settle(await next(queue), DONE);
    await queue.settle(await next(queue), DEAD);
    await next(queue);
    assert.deepEqual(queue.topicTotals(TOPIC), { waiting: 1, leased: 1, done: 1, dead: 1, bodyBytes: 9 });
    assert.deepEqual(queue.groupTotals("acme"), { waiting: 2, leased: 1, done: 1, dead: 1, bodyBytes: 14 });
    assert.deepEqual(queue.groupTotals("unknown"), { waiting: 0, leased: 0, done: 0, dead: 0, bodyBytes: 0 });
    assert.deepEqual([...queue.topics()].toSorted(), ["acme/mail", "acme/other", "zeta/mail"]);
  });

  check("lists page through a group or a topic from the newest", async ({ queue }) => {
    const ids: string[] = [];
    for (let index = 0; index < 7; index++)
      ids.unshift((await queue.enqueue(message("a", { topic: index % 2 ? "acme/other" : TOPIC }))).id);
    const page = (before?: string) => queue.list({ group: "acme", limit: 3, ...(before ? { before } : {}) });
    const seen: string[] = [];
    for (let states = page(); states.length > 0; states = page(seen.at(-1))) seen.push(...states.map(({ id }) => id));
    assert.deepEqual(seen, ids);
    const others = ids.filter((_, index) => index % 2 === 1);
    const before = ids[2] as string;
    const list = (more: object) =>
      queue.list({ group: "acme", topic: "acme/other", limit: 9, ...more }).map(({ id }) => id);
    assert.deepEqual(list({}), others);
    assert.deepEqual(list({ before }), others.slice(1));
    await queue.drop(before);
    assert.deepEqual(list({ before }), others.slice(1));
    assert.deepEqual(queue.list({ group: "zeta", topic: TOPIC, limit: 9 }), []);
  });

  check("lists choose by state", async ({ queue }) => {
    const { id } = await queue.enqueue(message("a"));
    await queue.settle(await next(queue), DEAD);
    await queue.enqueue(message("b"));
    const list = queue.list({ group: "acme", status: ["dead", "done"], limit: 9 });
    assert.deepEqual(
      list.map((state) => [state.id, state.status]),
      [[id, "dead"]],
    );
  });
}

export function testListeners(check: Check): void {
  check(
    "a topic is announced once until its next lease: when a message is added, due, or its lease ends",
    async ({ queue }) => {
      const heard: string[] = [];
      const stop = queue.onReady((topic) => heard.push(topic));
      await queue.enqueue(message("a"));
      await queue.enqueue(message("b"));
      await eventuallyHolds(() => assert.deepEqual(heard, [TOPIC]));
      await queue.lease(TOPIC, 9, SHORT_MS);
      await eventuallyHolds(() => assert.deepEqual(heard, [TOPIC, TOPIC]));
      for (const lease of await queue.lease(TOPIC, 9, LONG_MS)) await queue.settle(lease, DONE);
      await queue.enqueue(message("c", { dueMs: now() + SHORT_MS }));
      assert.equal(heard.length, 2);
      await eventuallyHolds(() => assert.equal(heard.length, 3));
      stop();
      await queue.lease(TOPIC, 9, LONG_MS);
      await queue.enqueue(message("d"));
      assert.equal(heard.length, 3);
    },
  );

  check("a listener of a message hears its states and its removal", async ({ queue }) => {
    const { id } = await queue.enqueue(message("a"));
    const heard: (string | undefined)[] = [];
    const stop = queue.onChange(id, (state) => heard.push(state?.status));
    await queue.settle(await next(queue), DEAD);
    await queue.replay(id);
    await queue.drop(id);
    await eventuallyHolds(() => assert.deepEqual(heard, ["leased", "dead", "waiting", undefined]));
    stop();
  });
}
