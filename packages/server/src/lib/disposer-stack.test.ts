import assert from "node:assert/strict";
import { test } from "node:test";
import { DisposerStack } from "./disposer-stack.ts";

test("resources are disposed of in reverse order, one after the other", async () => {
  const events: string[] = [];
  const stack = new DisposerStack();
  stack.use({ [Symbol.dispose]: () => events.push("first") });
  stack.defer(async () => {
    events.push("second begins");
    await new Promise((done) => setImmediate(done));
    events.push("second ends");
  });
  stack.use({ [Symbol.asyncDispose]: async () => void events.push("third") });
  await stack[Symbol.asyncDispose]();
  assert.deepEqual(events, ["third", "second begins", "second ends", "first"]);
});

test("a failure does not keep the other resources open, and is reported", async () => {
  const events: string[] = [];
  const fail = (name: string) => () => {
    events.push(name);
    throw new Error(name);
  };
  const one = new DisposerStack();
  one.defer(() => events.push("rest"));
  one.defer(fail("only"));
  await assert.rejects(one[Symbol.asyncDispose](), /^Error: only$/);
  assert.deepEqual(events, ["only", "rest"]);
  const two = new DisposerStack();
  for (const name of ["a", "b"]) two.defer(fail(name));
  await assert.rejects(two[Symbol.asyncDispose](), (error) => {
    assert.ok(error instanceof AggregateError);
    assert.deepEqual(error.errors.map(String), ["Error: b", "Error: a"]);
    return true;
  });
});

test("each resource is disposed of once; after a move, by the other stack", async () => {
  let disposed = 0;
  const stack = new DisposerStack();
  stack.defer(() => disposed++);
  const other = stack.move();
  await stack[Symbol.asyncDispose]();
  assert.equal(disposed, 0);
  await Promise.all([other[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
  assert.equal(disposed, 1);
});
