import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { eventually, freePort, NatsServer } from "@faas/testing";
import {
  DONE,
  eventuallyHolds,
  LONG_MS,
  message,
  next,
  now,
  SHORT_MS,
  TOPIC,
  textsOf,
} from "../../testing/queue/harness.ts";
import type { Queue } from "../queue.ts";
import { Connection } from "./connection.ts";
import { openNatsQueue } from "./nats-queue.ts";

async function startServer(t: TestContext): Promise<NatsServer> {
  const server = await NatsServer.start();
  t.after(() => server[Symbol.asyncDispose]());
  return server;
}

async function openQueue(t: TestContext, url: string, more: { idempotencyWindowMs?: number } = {}): Promise<Queue> {
  const queue = await openNatsQueue({ url, instance: "test", ...more });
  t.after(() => queue[Symbol.asyncDispose]());
  return queue;
}

/** Returns the number of messages in the stream for each last part of their subjects: "topic", "key", … */
async function stored(server: NatsServer): Promise<Record<string, number>> {
  await using connection = await Connection.open({ url: server.url });
  const { state } = await connection.manager.streams.info("FAAS_QUEUE", { subjects_filter: ">" });
  const counts: Record<string, number> = {};
  for (const [subject, count] of Object.entries(state.subjects ?? {})) {
    const kind = subject.split(".")[2] as string;
    counts[kind] = (counts[kind] ?? 0) + count;
  }
  return counts;
}

test("the stream keeps what exists: messages that are dropped, expired or done leave no body behind", async (t) => {
  const server = await startServer(t);
  const queue = await openQueue(t, server.url);
  const { id } = await queue.enqueue(message("dropped"));
  await queue.enqueue(message("other topic", { topic: "acme/other" }));
  await queue.enqueue(message("expired"));
  await queue.enqueue(message("done"));
  await queue.drop(id);
  await queue.dropTopic("acme/other");
  await queue.settle(await next(queue), { ...DONE, keepMs: SHORT_MS });
  await queue.settle(await next(queue), DONE);
  await eventuallyHolds(async () => assert.deepEqual(await stored(server), { server: 1, topic: 1 }));
});

test("a body and a note larger than a message of the NATS server arrive as they were, also after a restart", async (t) => {
  const server = await startServer(t);
  const large = Buffer.from(Array.from({ length: 3 * 2 ** 20 }, (_, index) => (index * 7919) >> 3));
  const first = await openQueue(t, server.url);
  await first.enqueue({ topic: TOPIC, body: large });
  await first.enqueue(message("small"));
  assert.ok((await next(first)).body.equals(large));
  await first[Symbol.asyncDispose]();
  const second = await openQueue(t, server.url);
  const lease = await next(second);
  assert.ok(lease.body.equals(large));
  await second.settle(lease, { ...DONE, note: large });
  assert.ok((await second.read(lease.id))?.notes[0]?.equals(large));
});

test("changes wait for a NATS server that restarts, and deliveries continue with it", async (t) => {
  const server = await startServer(t);
  const queue = await openQueue(t, server.url);
  const ready: string[] = [];
  queue.onReady((topic) => ready.push(topic));
  for (const text of ["a", "b"]) await queue.enqueue(message(text));
  const lease = await next(queue);
  await server.kill();
  const [enqueued, settled] = [queue.enqueue(message("c")), queue.settle(lease, DONE)];
  await eventuallyHolds(async () => assert.deepEqual(await queue.lease(TOPIC, 9, LONG_MS), []));
  ready.length = 0;
  await server.start();
  assert.equal((await enqueued).isDuplicate, false);
  assert.equal(await settled, true);
  await eventuallyHolds(() => assert.ok(ready.includes(TOPIC)));
  const texts: string[] = [];
  await eventuallyHolds(async () => {
    texts.push(...textsOf(await queue.lease(TOPIC, 9, LONG_MS)));
    assert.deepEqual(texts, ["b", "c"]);
  });
});

test("a message that is added while the NATS server is down fails after a short time; outcomes wait", async (t) => {
  const server = await startServer(t);
  const queue = await openQueue(t, server.url);
  await queue.enqueue(message("a"));
  const lease = await next(queue);
  await server.kill();
  const settled = queue.settle(lease, DONE);
  await assert.rejects(queue.enqueue(message("b")), { code: "QUEUE_FAILED" });
  await server.start();
  assert.equal(await settled, true);
  assert.equal(queue.find(lease.id)?.status, "done");
  assert.equal(queue.topicTotals(TOPIC).waiting, 0);
});

test("a NATS server that hangs loses no change and repeats none", async (t) => {
  const server = await startServer(t);
  const queue = await openQueue(t, server.url);
  server.signal("SIGSTOP");
  const waiting = Array.from({ length: 50 }, (_, index) => queue.enqueue(message(String(index))));
  const given = await Promise.allSettled(waiting);
  server.signal("SIGCONT");
  assert.ok(given.every(({ status }) => status === "rejected"));
  await eventually("the queue stores changes again", () => queue.enqueue(message("last")).catch(() => undefined));
  const found = queue.list({ group: "acme", limit: 99 }).map(({ id }) => id);
  await queue[Symbol.asyncDispose]();
  const again = await openQueue(t, server.url);
  // Either kept or not, but the same in memory and in the stream, and each once.
  assert.deepEqual(
    again.list({ group: "acme", limit: 99 }).map(({ id }) => id),
    found,
  );
  const texts = textsOf(await again.lease(TOPIC, 99, LONG_MS));
  assert.equal(new Set(texts).size, texts.length);
});

test("a server that was replaced stores no change any more, whenever it was sent", async (t) => {
  const server = await startServer(t);
  const former = await openQueue(t, server.url);
  await former.enqueue(message("a"));
  const lease = await next(former);
  const successor = await openQueue(t, server.url);
  const writes = [
    ...Array.from({ length: 900 }, () => former.enqueue(message("b"))),
    former.settle(lease, DONE),
    former.drop(lease.id),
    former.dropTopic(TOPIC),
    former.enqueue(message("c")),
  ];
  for (const result of await Promise.allSettled(writes)) {
    assert.equal(result.status, "rejected");
    assert.match(String(result.reason), /another server/);
  }
  await former[Symbol.asyncDispose]();
  await successor.enqueue(message("d"));
  assert.deepEqual(textsOf(await successor.lease(TOPIC, 9, LONG_MS)), ["a", "d"]);
  await successor[Symbol.asyncDispose]();
  assert.deepEqual(textsOf(await (await openQueue(t, server.url)).lease(TOPIC, 9, LONG_MS)), ["a", "d"]);
});

test("an idempotency key is removed from the stream after its window", async (t) => {
  const server = await startServer(t);
  const queue = await openQueue(t, server.url, { idempotencyWindowMs: SHORT_MS });
  await queue.drop((await queue.enqueue(message("a", { idempotencyKey: "k" }))).id);
  await eventuallyHolds(async () => assert.deepEqual(await stored(server), { server: 1 }));
});

test("a stream of another installation, or with other settings, is not touched", async (t) => {
  const server = await startServer(t);
  await openQueue(t, server.url);
  await assert.rejects(openNatsQueue({ url: server.url, instance: "other" }), {
    code: "QUEUE_CONFIG_INVALID",
    message: /belongs to the server test, and this one is other/,
  });
  await using connection = await Connection.open({ url: server.url });
  await connection.manager.streams.add({ name: "mine", subjects: ["faas-queue.mine.>"], max_age: 1e12 });
  await assert.rejects(openNatsQueue({ url: `${server.url}?stream=mine`, instance: "test" }), {
    code: "QUEUE_CONFIG_INVALID",
    message: /the setting \w+ of the stream mine to be/,
  });
});

test("a NATS server that cannot be used is named with the reason", async (t) => {
  const open = (url: string) => openNatsQueue({ url, instance: "test" });
  await assert.rejects(open(`nats://127.0.0.1:${await freePort()}`), {
    code: "QUEUE_UNAVAILABLE",
    message: /nats:\/\/127\.0\.0\.1:\d+ does not accept the connection/,
  });
  const missing = { url: "nats://127.0.0.1", instance: "test", credentialsFile: "/missing.creds" };
  await assert.rejects(openNatsQueue(missing), { code: "USAGE", message: /--queue-credentials.*missing\.creds/ });
  const without = await NatsServer.start({ hasJetStream: false });
  t.after(() => without[Symbol.asyncDispose]());
  await assert.rejects(open(without.url), { code: "QUEUE_CONFIG_INVALID", message: /--jetstream/ });
  const config = `authorization { user: "u", password: "p@ss" }\n`;
  const locked = await NatsServer.start({ config });
  t.after(() => locked[Symbol.asyncDispose]());
  await assert.rejects(open(locked.url), { code: "QUEUE_UNAVAILABLE", message: /Authorization/i });
  const queue = await openQueue(t, locked.url.replace("//", "//u:p%40ss@"));
  assert.ok((await queue.enqueue(message("a", { dueMs: now() }))).id);
});
