import assert from "node:assert/strict";
import { eventually as poll } from "@faas/testing";
import { LIMIT_MS } from "./cluster.ts";

const INTERVAL_MS = 50;

/** Waits until `attempt` returns something, as `eventually` of @faas/testing does, with the timeout and the interval for a cluster. */
export const eventually = <T>(what: string, attempt: () => T | Promise<T>, timeoutMs = LIMIT_MS) =>
  poll(what, attempt, { timeoutMs, intervalMs: INTERVAL_MS });

/** Observes a value until it meets a condition, and returns it. When time runs out, the error has the last value. */
export async function eventuallyHolds<T>(
  what: string,
  observe: () => T | Promise<T>,
  holds: (value: T) => boolean,
  timeoutMs = LIMIT_MS,
): Promise<T> {
  const attempt = async () => {
    const value = await observe();
    assert.ok(holds(value), `it is ${JSON.stringify(value)}`);
    return { value };
  };
  return (await eventually(what, attempt, timeoutMs)).value;
}
