import assert from "node:assert/strict";
import { test } from "node:test";
import { withDepth } from "./call-depth.ts";

test("a call that no other led to is the first", () => {
  assert.equal(withDepth("A: b\r\n"), "A: b\r\nX-Faas-Depth: 1\r\n");
});

test("a call that another led to counts from it, whatever the header looks like", () => {
  assert.equal(withDepth("x-faas-depth: 3\r\nA: b\r\n"), "A: b\r\nX-Faas-Depth: 4\r\n");
  assert.equal(withDepth("X-Faas-Depth: 2\r\nX-Faas-Depth: 5, 1\r\n"), "X-Faas-Depth: 6\r\n");
  assert.equal(withDepth("X-Faas-Depth: many\r\n"), "X-Faas-Depth: 1\r\n");
});

test("calls that lead to each other end", () => {
  let lines = "";
  assert.throws(
    () => {
      for (let call = 0; call < 17; call++) lines = withDepth(lines);
    },
    { code: "LOOP_DETECTED" },
  );
  assert.match(lines, /X-Faas-Depth: 16/);
});
