import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseRecord } from "@faas/gateway";
import { eventually, tempDir } from "@faas/testing";
import { openJournalQueue } from "../queue/journal/journal-queue.ts";
import type { Queue } from "../queue/queue.ts";
import { addJob, deliverJobs } from "../testing/deliver-jobs.ts";

/** Runs a server's deliveries in a process that is killed between the two writes: the further call is stored, the end of the first is not. */
async function killedAtEnd(folder: string, status: number): Promise<void> {
  const program = join(import.meta.dirname, "../testing/killed-at-end.ts");
  const args = ["--conditions=faas-source", "--import", "tsx", program, folder, String(status)];
  const child = spawn(process.execPath, args, { stdio: "inherit" });
  assert.deepEqual(await once(child, "exit"), [null, "SIGKILL"]);
}

/** Stores a call, and opens its queue after the kill at its end. */
async function afterKill(status: number): Promise<{ readonly queue: Queue; readonly id: string }> {
  const folder = join(tempDir("queue"), "queue");
  const before = await openJournalQueue({ folder });
  const id = await addJob(before);
  await before[Symbol.asyncDispose]();
  await killedAtEnd(folder, status);
  return { id, queue: await openJournalQueue({ folder }) };
}

const passedOn = (queue: Queue) => queue.list({ group: "acme", topic: "acme/after", limit: 10 });

/** Returns the types of the events that were passed on, the newest first. */
async function typesOf(queue: Queue): Promise<string[]> {
  const messages = await Promise.all(passedOn(queue).map(({ id }) => queue.read(id)));
  return messages.map((message) => JSON.parse(parseRecord(message?.body ?? Buffer.alloc(4)).body.toString()).type);
}

describe("a server that is killed when it has passed a call on, before the end of the call is stored", () => {
  for (const [status, state] of [
    [200, "done"],
    [500, "dead"],
  ] as const)
    test(`passes it on once: ${state}`, async () => {
      const { queue, id } = await afterKill(status);
      const [first] = passedOn(queue);
      assert.equal(queue.find(id)?.status, "waiting");
      const deliveries = deliverJobs(queue, status);
      await eventually("it has ended", () => queue.find(id)?.status === state);
      assert.deepEqual(
        passedOn(queue).map((each) => each.id),
        [first?.id],
      );
      await deliveries[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
    });

  test("passes it on again where the next delivery ends differently", async () => {
    const { queue, id } = await afterKill(500);
    const deliveries = deliverJobs(queue, 200);
    await eventually("it has ended", () => queue.find(id)?.status === "done");
    assert.deepEqual(await typesOf(queue), ["faas.call.completed", "faas.call.failed"]);
    await deliveries[Symbol.asyncDispose]();
    await queue[Symbol.asyncDispose]();
  });
});
