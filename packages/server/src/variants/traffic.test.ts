import assert from "node:assert/strict";
import { test } from "node:test";
import { type Revision, type SettingsInput, type Traffic, withDefaults } from "@faas/core";
import type { EndpointRecord } from "../state/records.ts";
import { afterRollout, liveTraffic, nextExpiryMs, withCallsTo, withoutExpired, withTag } from "./traffic.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const NOW = Date.parse("2026-01-01T00:00:00Z");
const at = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();

const revision = (id: string, settings: SettingsInput = {}, secrets?: Revision["secrets"]): Revision => ({
  ...{ id, createdAt: "", artifact, settings: withDefaults(settings), ...(secrets && { secrets }) },
});
const serving = (current: Revision, traffic?: Traffic, more: Partial<EndpointRecord> = {}): EndpointRecord => ({
  ...{ createdAt: "", updatedAt: "", current, ...(traffic && { traffic }), ...more },
});

test("after a rollout the split has ended, tags stay, and the previous revision is kept warm for a while", () => {
  const before = serving(revision("old"), { shares: { old: 90, new: 10 }, sticky: "cookie", tags: { stable: "old" } });
  const { traffic } = afterRollout(before, { ...before, current: revision("new") }, NOW);
  assert.deepEqual(traffic, { tags: { stable: "old" }, keptWarm: { revision: "old", until: at(10) } });
});

test("the settings say for how long the previous revision is kept warm", () => {
  const keptWarm = (keepWarm: string) =>
    afterRollout(serving(revision("old")), serving(revision("new", { keepWarm })), NOW).traffic?.keptWarm;
  assert.deepEqual(keptWarm("1h"), { revision: "old", until: at(60) });
  assert.equal(keptWarm("0s"), undefined);
});

test("a revision is not kept warm that never served, or whose secrets were replaced or removed", () => {
  const next = (secrets?: Revision["secrets"]) => serving(revision("new", {}, secrets));
  const isKept = (before: EndpointRecord, after = next()) => afterRollout(before, after, NOW).traffic !== undefined;
  const old = serving(revision("old", {}, { TOKEN: "1" }));
  assert.deepEqual(
    [isKept(old, next({ TOKEN: "1", OTHER: "1" })), isKept(old, next({ TOKEN: "2" })), isKept(old, next())],
    [true, false, false],
  );
  assert.equal(isKept(serving(revision("old"), undefined, { unproven: true })), false);
});

test("a preview that serves is no longer a preview, and does not expire", () => {
  const before = serving(revision("old"), { previews: { new: { expiresAt: at(5) } }, tags: { pr: "new" } });
  const after = afterRollout(before, { ...before, current: revision("new", { keepWarm: "0s" }) }, NOW);
  assert.deepEqual(after.traffic, { tags: { pr: "new" } });
  assert.equal(nextExpiryMs(after), undefined);
});

test("a preview expires with its tags, unless it has a share; what is kept warm expires alone", () => {
  const traffic: Traffic = {
    previews: { a: { expiresAt: at(5) }, b: {} },
    tags: { one: "a", two: "b" },
    keptWarm: { revision: "c", until: at(3) },
  };
  const record = serving(revision("s"), traffic);
  assert.deepEqual(liveTraffic(record, NOW), traffic);
  assert.equal(nextExpiryMs(record), Date.parse(at(3)));
  const { keptWarm: _, ...later } = traffic;
  assert.deepEqual(liveTraffic(record, Date.parse(at(3))), later);
  assert.deepEqual(withoutExpired(record, Date.parse(at(5))).traffic, { previews: { b: {} }, tags: { two: "b" } });
  const shared = serving(revision("s"), { ...traffic, shares: { a: 10, s: 90 } });
  assert.deepEqual(liveTraffic(shared, Date.parse(at(5))).tags, { one: "a", two: "b" });
});

test("a deployment of a revision that is ready gets all calls at once; of another one, when it is ready", () => {
  const record = serving(revision("new"), { shares: { new: 50, old: 50 }, tags: { stable: "old" } });
  assert.deepEqual(withCallsTo(record, "old", true).traffic?.shares, { old: 100 });
  assert.deepEqual(withCallsTo(record, "other", false), record);
  assert.deepEqual(withCallsTo(record, "new", false).traffic, { tags: { stable: "old" } });
});

test("a record without a division of calls has no field for it", () => {
  const tagged = withTag(serving(revision("s")), "a", "s");
  assert.deepEqual(tagged.traffic, { tags: { a: "s" } });
  assert.equal("traffic" in withTag(tagged, "a", undefined), false);
});
