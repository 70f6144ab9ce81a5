import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { revisionId } from "../endpoints/endpoint.ts";
import { settingsInputSchema, settingsProblem, withDefaults } from "../endpoints/settings.ts";
import { formatSource, parseSource, type Source } from "./source-settings.ts";

const artifact = { kind: "image", reference: "acme/a:1" } as const;

test("sources are part of a revision", () => {
  const ids = [{}, { sources: [{ subject: "acme.>" }] }, { sources: [] }].map((input) =>
    revisionId(artifact, withDefaults(input)),
  );
  assert.notEqual(ids[0], ids[1]);
  assert.equal(ids[0], ids[2]);
});

test("the text of a source has all of it", () => {
  const source = fc.record(
    {
      stream: fc.stringMatching(/^[A-Z_]{1,9}$/),
      subject: fc.constantFrom("acme.>", "acme.*.b", "acme.a=b"),
      queueGroup: fc.stringMatching(/^[a-z]{1,9}$/),
      startAt: fc.constantFrom("new", "all", "2026-11-30T08:00:00Z"),
      reply: fc.constant("accepted" as const),
      order: fc.constant("subject" as const),
      path: fc.constantFrom("/", "/a?b=c"),
    },
    { requiredKeys: ["stream"], noNullPrototype: true },
  );
  fc.assert(fc.property(source, (each) => assert.deepEqual(parseSource(formatSource(each as Source)), each)));
  assert.equal(parseSource("topic=a"), undefined);
  assert.equal(parseSource("subject=a subject=b"), undefined);
});

for (const [name, source] of Object.entries({
  "a subject with > in the middle": { subject: "a.>.b" },
  "a stream with a dot": { stream: "a.b" },
  "a time that does not exist": { stream: "A", startAt: "2026-13-30T08:00:00Z" },
  "an unknown order": { subject: "a", order: "stream" },
  "an unknown field": { subject: "a", durable: "x" },
}))
  test(`${name} is invalid`, () => assert.ok(!settingsInputSchema.safeParse({ sources: [source] }).success));

for (const [name, sources, problem] of [
  ["nothing", [{ path: "/" }], /a "subject" or a "stream"/],
  ["a start without a stream", [{ subject: "a", startAt: "all" }], /"startAt" only/],
  ["a queue group of a stream", [{ stream: "A", queueGroup: "b" }], /"queueGroup" only/],
  ["a reply to a stream", [{ stream: "A", reply: "accepted" }], /"reply" only/],
  ["a source twice", [{ stream: "A" }, { stream: "A", startAt: "new", path: "/b" }], /twice/],
] as const)
  test(`${name} is rejected with what was expected`, () =>
    assert.match(settingsProblem(withDefaults({ sources })) ?? "", problem));
