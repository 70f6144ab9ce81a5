import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { type Revision, revisionId, type SettingsInput, withDefaults } from "@faas/core";
import fc from "fast-check";
import {
  bundlesOf,
  type EndpointRecord,
  keptBundlesOf,
  keptRevisions,
  servingRevision,
  targetRevision,
  withFailure,
  withRetention,
  withServing,
  withTarget,
} from "../records.ts";
import { type KeptRevision, packRevisions, retainedRevisions, unpackRevisions } from "./kept-revisions.ts";

const digestOf = (code: string) => `sha256:${Buffer.from(code).toString("hex").padEnd(64, "0").slice(0, 64)}`;

function revision(code: string, input: SettingsInput = { replicas: 1 }): Revision {
  const artifact = { kind: "bundle", digest: digestOf(code) } as const;
  const settings = withDefaults(input);
  const at = "2026-01-01T00:00:00.000Z";
  return { id: revisionId(artifact, settings), createdAt: at, artifact, settings, origin: { at, by: "ci" } };
}

const failureOf = ({ id }: Revision) =>
  ({ revision: id, code: "REPLICA_EXITED", detail: "", lastLogLines: [] }) as const;

/** Deploys revisions one after the other; each becomes ready. */
function served(...revisions: readonly Revision[]): EndpointRecord {
  const [first, ...others] = revisions;
  assert.ok(first);
  const now = (index: number) => new Date(index).toISOString();
  return others.reduce(
    (record, each, index) => withServing(withTarget(record, each, now(index)), each, now(index)),
    withServing(withTarget(undefined, first, now(0)), first, now(0)),
  );
}

const ids = (record: EndpointRecord) => keptRevisions(record).map((kept) => kept.revision.id);
const [a, b, c] = [revision("a"), revision("b"), revision("c")];

test("the revision that another one replaces is kept, with the time until which it served", () => {
  const record = withServing(withTarget(served(a), b, "t1"), b, "t2");
  assert.deepEqual(keptRevisions(record), [{ revision: a, servedUntil: "t2" }]);
  assert.equal(servingRevision(record), b);
});

test("kept revisions are listed by the time until which they served, newest first", () => {
  assert.deepEqual(ids(served(a, b, c)), [b.id, a.id]);
});

test("a kept revision that serves again is no longer among the kept ones, and the one that it replaces is", () => {
  assert.deepEqual(ids(served(a, b, c, a)), [c.id, b.id]);
});

test("a kept revision that is being deployed again is listed once", () => {
  const record = withTarget(served(a, b, c), a, "t");
  assert.equal(targetRevision(record).id, a.id);
  assert.deepEqual(ids(record), [b.id]);
});

test("a kept revision whose rollback fails is kept as it was", () => {
  const before = served(a, b, c);
  const after = withFailure(withTarget(before, a, "t"), failureOf(a));
  assert.deepEqual(keptRevisions(after), keptRevisions(before));
});

test("a kept revision that is being deployed again is not dropped, so that it is kept when that fails", () => {
  const record = withRetention(withTarget(withTarget(served(a, b), c, "t"), a, "t"), 2);
  assert.deepEqual(ids(withFailure(record, failureOf(a))), [a.id]);
  assert.equal(keptRevisions(withFailure(record, failureOf(a)))[0]?.failed, undefined);
});

test("a serving revision that an older server left among the kept ones is listed once", () => {
  // It changes the serving revision, and leaves the field that it does not know as it is.
  const record = { ...served(a, b, c), current: b };
  assert.deepEqual(ids(record), [a.id]);
  assert.deepEqual(ids(withServing(withTarget(record, c, "t"), c, "t")), [b.id, a.id]);
});

test("a revision whose deployment failed is kept as failed", () => {
  const record = withFailure(withTarget(served(a), b, "t"), failureOf(b));
  assert.deepEqual(keptRevisions(record), [{ revision: b, failed: true }]);
  assert.equal(servingRevision(record).id, a.id);
});

test("a revision that is replaced before it was ready is kept, as one that never served", () => {
  for (const record of [
    withTarget(withTarget(served(a), b, "t"), c, "t"),
    withTarget(withTarget(served(a), b, "t"), a, "t"),
  ])
    assert.deepEqual(keptRevisions(record), [{ revision: b }]);
  assert.deepEqual(keptRevisions(withTarget(withTarget(undefined, a, "t"), b, "t")), [{ revision: a }]);
});

test("the bundles of kept revisions are named beside those of the serving one", () => {
  const record = served(a, b, c);
  assert.deepEqual(bundlesOf(record), [digestOf("c")]);
  assert.deepEqual(keptBundlesOf(record), [digestOf("b"), digestOf("a")]);
});

test("an endpoint has at most as many revisions as the limit says, including the serving one", () => {
  const record = served(a, b, c);
  assert.deepEqual(ids(withRetention(record, 2)), [b.id]);
  assert.equal(withRetention(record, 1).kept, undefined);
  assert.equal(withRetention(record, 3), record);
});

test("failed deployments do not push out revisions that served, but for the newest one", () => {
  const kept = (name: string, servedUntil?: string): KeptRevision => ({
    revision: revision(name),
    ...(servedUntil === undefined ? { failed: true } : { servedUntil }),
  });
  const revisions = [kept("bad1"), kept("bad2"), kept("good1", "t"), kept("bad3"), kept("good2", "t")];
  const names = (max: number, pinned: readonly string[] = []) =>
    retainedRevisions(revisions, max, new Set(pinned.map((name) => revision(name).id))).map((each) =>
      revisions.indexOf(each),
    );
  assert.deepEqual(names(4), [0, 1, 2, 4]);
  assert.deepEqual(names(3), [0, 2, 4]);
  assert.deepEqual(names(2), [0, 2]);
  assert.deepEqual(names(1), [0]);
  assert.deepEqual(names(1, ["good2", "bad3"]), [3, 4]);
});

test("revisions are unpacked as they were packed", () => {
  const settings = fc.constantFrom<SettingsInput>(
    {},
    { env: { A: "é\n" } },
    { secrets: { S: "S" } },
    { command: ["x"] },
  );
  const kept = fc
    .record({ code: fc.string(), settings, set: fc.boolean(), served: fc.boolean(), origin: fc.boolean() })
    .map(({ code, settings, set, served, origin }): KeptRevision => {
      const { origin: made, ...rest } = revision(code, settings);
      const image = { kind: "image", reference: `r:5000/x@${digestOf(code)}` } as const;
      const warm = { image: "r:5000/warm", code: digestOf(`${code}.`), hasDependencies: true } as const;
      const built = { artifact: image, ...(served && { warm }) };
      const all = { ...rest, ...(set && { set: settings, ...built }), ...(origin && { origin: made }) };
      return { revision: all as Revision, ...(served ? { servedUntil: "t" } : { failed: true }) };
    });
  fc.assert(
    fc.property(fc.array(kept, { maxLength: 6 }), (revisions) => {
      assert.deepEqual(unpackRevisions(packRevisions(revisions)), revisions);
    }),
  );
});

test("twenty revisions with the same settings take little more than their digests and commits", () => {
  const hex = (index: number, length: number) => createHash("sha512").update(`${index}`).digest("hex").slice(0, length);
  const revisions = Array.from({ length: 20 }, (_, index): KeptRevision => {
    const made = revision(hex(index, 32));
    const at = new Date(index * 7_777_777).toISOString();
    const origin = { at, by: "ci", from: "10.0.0.1", commit: hex(index, 40), message: "Fix the totals of invoices" };
    return { revision: { ...made, createdAt: at, origin }, servedUntil: at };
  });
  const perRevision = JSON.stringify(packRevisions(revisions)).length / revisions.length;
  assert.ok(perRevision < 160, `${perRevision} characters each`);
});

test("damaged text is not unpacked", () => {
  const packed = packRevisions([{ revision: a, servedUntil: "t" }]);
  const deflated = (text: string) => deflateRawSync(text).toString("base64");
  const rests = ["", "{}", packed.rest.slice(0, -9), ...["{}", "[{}]", "[null]", '[{"id":"a"}]'].map(deflated)];
  for (const damaged of [{ ...packed, bundles: "" }, ...rests.map((rest) => ({ ...packed, rest }))])
    assert.throws(() => unpackRevisions(damaged), { code: "STATE_DAMAGED" });
});
