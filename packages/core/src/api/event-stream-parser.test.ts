import assert from "node:assert/strict";
import { test } from "node:test";
import { eventTypeMatcher } from "./event-responses.ts";
import { EventStreamParser } from "./event-stream-parser.ts";

const TEXT = 'retry: 2000\n\nid: a-1\ndata: {"n":1}\n\n: keep-alive\n\ndata: {"n":2}\n\nid: a-3\ndata: 3';

test("messages are complete wherever the text is cut, and an id belongs to one message", () => {
  for (let cut = 0; cut <= TEXT.length; cut++) {
    const parser = new EventStreamParser();
    const found = [TEXT.slice(0, cut), TEXT.slice(cut)].flatMap((piece) => [...parser.push(piece)]);
    assert.deepEqual(found, [{ id: "a-1", data: '{"n":1}' }, { data: '{"n":2}' }], String(cut));
    assert.deepEqual([...parser.push("3\n\n")], [{ id: "a-3", data: "33" }]);
  }
});

test("a list of event types matches names and beginnings, and is invalid if an entry matches no type", () => {
  const matches = eventTypeMatcher("faas.endpoint.*,faas.replica.failed");
  const types = ["faas.endpoint.scaled", "faas.replica.failed", "faas.replica.ready", "faas.org.removed"];
  assert.deepEqual(
    types.map((type) => matches?.(type)),
    [true, true, false, false],
  );
  for (const list of ["faas.endpoint", "faas.endpoint.deploy", "faas.*,faas.nothing.*"])
    assert.equal(eventTypeMatcher(list), undefined, list);
});
