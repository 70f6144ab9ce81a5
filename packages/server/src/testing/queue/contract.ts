import { test } from "node:test";
import { testDelivery, testLeases } from "./delivery.ts";
import { testDuplicates, testRestart } from "./durability.ts";
import type { Check, QueueFactory } from "./harness.ts";
import { testListeners, testLookups } from "./lookups.ts";
import { testOrder } from "./order.ts";
import { testDoneLimits, testDroppedGroup, testOutcomes, testReplayAndDrop } from "./outcomes.ts";

/** Defines the tests that every implementation of `Queue` passes. */
export function testQueueContract(name: string, open: QueueFactory): void {
  const check: Check = (title, run) => test(`${name}: ${title}`, async (t) => run(await open(t), t));
  testDelivery(check);
  testLeases(check);
  testOutcomes(check);
  testReplayAndDrop(check);
  testDroppedGroup(check);
  testDoneLimits(name, open);
  testOrder(check);
  testLookups(check);
  testListeners(check);
  testRestart(check);
  testDuplicates(name, open, check);
}
