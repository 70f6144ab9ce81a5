import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { coversSubject, isReservedSubject, subjectPatternSchema } from "./nats-subject.ts";

const token = fc.constantFrom("a", "b", "*");
const pattern = fc
  .tuple(fc.array(token, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, isOpen]) => [...tokens, ...(isOpen ? [">"] : [])].join("."));
const subject = fc
  .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 6 })
  .map((tokens) => tokens.join("."));

/** Matches as a NATS server does. */
const matches = (text: string, name: string) =>
  new RegExp(`^${text.replaceAll(".", "\\.").replaceAll("*", "[^.]+").replace(/>$/, ".+")}$`).test(name);

test("a pattern covers another one if and only if it matches all of its subjects", () => {
  fc.assert(
    fc.property(pattern, pattern, fc.array(subject, { maxLength: 20 }), (outer, inner, names) => {
      const covers = coversSubject(outer, inner);
      for (const name of names) if (covers && matches(inner, name)) assert.ok(matches(outer, name), name);
      // Subjects with a token that the outer pattern does not name, of each length that it can distinguish.
      const named = inner.replaceAll("*", "z");
      const typical = [1, 2, 6].map((count) => named.replace(/>$/, Array(count).fill("z").join(".")));
      assert.equal(
        typical.every((name) => matches(outer, name)),
        covers,
      );
    }),
    { numRuns: 2_000 },
  );
});

test("a subject of NATS itself or of the queue is never matched by a pattern that is not reserved", () => {
  const names = ["$JS.API.INFO", "$SYS.a", "_INBOX.a.b", "faas-queue.FAAS_QUEUE.topic.a", "$KV.a"];
  fc.assert(
    fc.property(fc.oneof(pattern, fc.constantFrom("$JS.>", "_INBOX.*", "faas-queue.>", "faas-queue")), (text) => {
      if (!isReservedSubject(text)) for (const name of names) assert.ok(!matches(text, name), text);
    }),
  );
  assert.deepEqual([">", "*.a", "faas-queue.>", "$JS.a", "acme.>"].map(isReservedSubject), [
    ...[true, true, true, true],
    false,
  ]);
});

for (const text of ["", ".", "a.", ".a", "a..b", "a.>.b", "a b", "a*", "a.b>", "a\n", "\u00fc"])
  test(`${JSON.stringify(text)} is not a pattern`, () => assert.ok(!subjectPatternSchema.safeParse(text).success));
