import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTraceparent, parseTraceparent } from "./trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test("a valid traceparent has ids and flags", () => {
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-03`), {
    traceId: TRACE,
    spanId: SPAN,
    sampled: true,
    random: true,
  });
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.sampled, false);
});

test("a later version is read as far as it is known", () => {
  assert.equal(parseTraceparent(`01-${TRACE}-${SPAN}-11-more`)?.spanId, SPAN);
});

test("an invalid traceparent counts as absent", () => {
  for (const invalid of [
    "",
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  ])
    assert.equal(parseTraceparent(invalid), undefined, invalid);
});

test("flags that are not known are cleared", () => {
  const parsed = parseTraceparent(`01-${TRACE}-${SPAN}-ff`);
  assert.ok(parsed);
  assert.equal(formatTraceparent(parsed), `00-${TRACE}-${SPAN}-03`);
});
