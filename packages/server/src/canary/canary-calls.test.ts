import assert from "node:assert/strict";
import { test } from "node:test";
import { CallSample } from "./call-sample.ts";
import { CanaryCalls } from "./canary-calls.ts";

test("calls of this process and those that gateways report count in the same sample, while there is one", () => {
  const calls = new CanaryCalls();
  const sample = new CallSample();
  const variant = { key: "acme/x.0123456789ab" };
  calls.record(variant, 200, 5);
  calls.count(variant.key, sample);
  calls.record(variant, 200, 5);
  calls.record({ key: "acme/x" }, 500, 5);
  calls.add(variant, 502, [
    [700, 2],
    [701, 1],
  ]);
  assert.deepEqual([sample.calls, sample.errors], [4, 3]);
  calls.count(variant.key, undefined);
  calls.record(variant, 200, 5);
  calls.add(variant, 200, [[700, 1]]);
  assert.equal(sample.calls, 4);
});
