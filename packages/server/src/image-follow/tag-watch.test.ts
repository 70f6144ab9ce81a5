import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { pino } from "pino";
import { TagWatch } from "./tag-watch.ts";

const log = pino({ level: "silent" });
const MINUTE = 60_000;

/** A watch whose clock the test moves. `answer` is the registry's: a digest, or an error. */
function watched(t: { after(end: () => unknown): void }) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const state = { answer: "A" as string | FaasError, isDone: true, checks: 0, deployed: [] as string[] };
  const watch = new TagWatch({
    ...{ image: "r/x:main", intervalMs: MINUTE, log, random: () => 0.5 },
    async resolve() {
      state.checks++;
      if (state.answer instanceof Error) throw state.answer;
      return { digest: state.answer };
    },
    async deploy(digest) {
      state.deployed.push(digest);
      return state.isDone;
    },
  });
  t.after(() => watch[Symbol.asyncDispose]());
  const pass = async (ms: number) => {
    mock.timers.tick(ms);
    for (let i = 0; i < 10; i++) await setImmediate();
  };
  return { watch, state, pass };
}

test("a tag is checked every minute, and first within half of one", async (t) => {
  const { watch, state, pass } = watched(t);
  watch.start();
  await pass(MINUTE / 2);
  assert.equal(state.checks, 1);
  for (let minute = 1; minute <= 3; minute++) {
    await pass(MINUTE);
    assert.equal(state.checks, 1 + minute);
  }
});

test("after errors the time between checks doubles, up to 15 minutes, and the error is shown until a check succeeds", async (t) => {
  const { watch, state, pass } = watched(t);
  state.answer = new FaasError("REGISTRY_UNREACHABLE", "away");
  await watch.check();
  assert.equal(watch.failure?.code, "REGISTRY_UNREACHABLE");
  for (const minutes of [2, 4, 8, 15, 15]) {
    const before = state.checks;
    await pass(minutes * MINUTE - 1);
    assert.equal(state.checks, before, `${minutes} minutes`);
    await pass(1);
    assert.equal(state.checks, before + 1, `${minutes} minutes`);
  }
  state.answer = "A";
  await pass(15 * MINUTE);
  assert.equal(watch.failure, undefined);
  const before = state.checks;
  await pass(MINUTE);
  assert.equal(state.checks, before + 1);
});

test("a deployment that has to be tried again is tried later", async (t) => {
  const { watch, state, pass } = watched(t);
  state.isDone = false;
  await watch.check();
  await pass(2 * MINUTE);
  assert.deepEqual(state.deployed, ["A", "A"]);
});

test("a tag with notifications is checked with each of them and once an hour, until one was lost", async (t) => {
  const { watch, state, pass } = watched(t);
  await watch.notified();
  assert.equal(state.checks, 1);
  await pass(59 * MINUTE);
  assert.equal(state.checks, 1);
  await pass(MINUTE);
  assert.equal(state.checks, 2);
  state.answer = "B";
  await pass(60 * MINUTE);
  assert.deepEqual(state.deployed, ["A", "A", "B"]);
  await pass(MINUTE);
  assert.equal(state.checks, 4);
});

test("notifications during a check together cause one more check", async (t) => {
  const { watch, state } = watched(t);
  await Promise.all([watch.check(), watch.notified(), watch.notified(), watch.notified()]);
  assert.equal(state.checks, 2);
});
