import assert from "node:assert/strict";
import { test } from "node:test";
import { interleave } from "./interleave.ts";

const run = (latencyMs: number) => async () => ({
  requests: [{ startMs: 5, latencyMs, status: 200, cold: false }],
  durationMs: 100,
  busy: 0.1,
});

test("interleave joins the rounds of each load to one run, whose clock stops in between", async () => {
  const [first, second] = await interleave([run(1), run(2)], 3);
  assert.deepEqual(
    first?.requests.map(({ startMs, latencyMs }) => [startMs, latencyMs]),
    [
      [5, 1],
      [105, 1],
      [205, 1],
    ],
  );
  assert.equal(second?.durationMs, 300);
});

test("interleave ends after the current load when the signal aborts", async () => {
  const abort = new AbortController();
  const stopping = async () => {
    abort.abort();
    return run(1)();
  };
  const [only] = await interleave([stopping], 5, abort.signal);
  assert.equal(only?.requests.length, 1);
});
