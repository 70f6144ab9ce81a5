import assert from "node:assert/strict";
import { appendFile, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { pino } from "pino";
import { OUTCOMES_MAX, ScheduleState } from "./schedule-state.ts";

const ref = { org: "acme", endpoint: "jobs" };
const log = pino({ level: "silent" });

function stateIn(folder: string, options: Partial<Parameters<typeof ScheduleState.open>[0]> = {}) {
  return ScheduleState.open({ file: join(folder, "schedules.jsonl"), assertLockHeld: async () => {}, log, ...options });
}

test("entries and their last outcomes are read again, and removed ones are not", async () => {
  const folder = tempDir("schedule-state");
  const state = await stateIn(folder);
  assert.equal(state.isNew, true);
  for (let dueMs = 1; dueMs <= 30; dueMs++)
    state.set(ref, "a", { times: "x", lastMs: dueMs, call: `c${dueMs}` }, [{ dueMs, call: `c${dueMs}` }]);
  state.set(ref, "b", { times: "y", lastMs: 7 }, [{ dueMs: 7, reason: "missed" }]);
  state.set(ref, "gone", { times: "z", lastMs: 1 }, []);
  state.remove(ref, "gone");
  const entries = ["a", "b"].map((name) => state.get(ref, name));
  await state[Symbol.asyncDispose]();
  for (let round = 0; round < 2; round++) {
    await using again = await stateIn(folder);
    assert.equal(again.isNew, false);
    assert.deepEqual(again.names(ref), ["a", "b"]);
    assert.deepEqual(
      ["a", "b"].map((name) => again.get(ref, name)),
      entries,
    );
    assert.equal(again.get(ref, "a")?.outcomes.length, OUTCOMES_MAX);
  }
});

test("an incomplete last line is left out", async () => {
  const folder = tempDir("schedule-state");
  const state = await stateIn(folder);
  state.set(ref, "a", { times: "x", lastMs: 1 }, []);
  await state[Symbol.asyncDispose]();
  await appendFile(join(folder, "schedules.jsonl"), '{"endpoint":"acme/jobs","name":"a","lastMs":2,"ti');
  await using again = await stateIn(folder);
  assert.equal(again.get(ref, "a")?.lastMs, 1);
  again.set(ref, "a", { times: "x", lastMs: 3 }, []);
  await again.flush();
  await using third = await stateIn(folder);
  assert.equal(third.get(ref, "a")?.lastMs, 3);
});

test("the file does not grow without end, and loses nothing when it is written again", async () => {
  const folder = tempDir("schedule-state");
  const state = await stateIn(folder, { minCompactionBytes: 10_000 });
  for (let dueMs = 1; dueMs <= 500; dueMs++) {
    state.set(ref, "a", { times: "x", lastMs: dueMs }, [{ dueMs, call: `call-${dueMs}` }]);
    if (dueMs % 3 === 0) await state.flush();
  }
  const entry = state.get(ref, "a");
  await state[Symbol.asyncDispose]();
  assert.ok((await stat(join(folder, "schedules.jsonl"))).size < 12_000);
  await using again = await stateIn(folder);
  assert.deepEqual(again.get(ref, "a"), entry);
});

test("a change that could not be written is written with the next one", async () => {
  const folder = tempDir("schedule-state");
  let isHeld = true;
  const assertLockHeld = async () => {
    if (!isHeld) throw new Error("another server has the folder");
  };
  const state = await stateIn(folder, { assertLockHeld });
  isHeld = false;
  state.set(ref, "a", { times: "x", lastMs: 1 }, [{ dueMs: 1, call: "c1" }]);
  await state.flush();
  assert.doesNotMatch(await readFile(join(folder, "schedules.jsonl"), "utf8"), /c1/);
  isHeld = true;
  state.set(ref, "a", { times: "x", lastMs: 2 }, [{ dueMs: 2, call: "c2" }]);
  await state[Symbol.asyncDispose]();
  await using again = await stateIn(folder);
  assert.deepEqual(again.get(ref, "a")?.outcomes, [
    { dueMs: 1, call: "c1" },
    { dueMs: 2, call: "c2" },
  ]);
});
