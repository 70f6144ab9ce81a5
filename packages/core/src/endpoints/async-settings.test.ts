import assert from "node:assert/strict";
import { test } from "node:test";
import { asyncPolicy, formatAsyncSettings } from "./async-settings.ts";
import { endpointSpec, revisionId } from "./endpoint.ts";
import { settingsInputSchema, settingsProblem, withDefaults } from "./settings.ts";
import { changeSettings, settingChanges } from "./settings-change.ts";

const artifact = { kind: "image", reference: "acme/a:1" } as const;

test("settings of asynchronous calls are part of a revision, whatever their order", () => {
  const [first, second] = [
    withDefaults({ async: { attempts: 3, keep: "1h" } }),
    withDefaults({ async: { keep: "1h", attempts: 3 } }),
  ];
  assert.equal(revisionId(artifact, first), revisionId(artifact, second));
  assert.notEqual(revisionId(artifact, first), revisionId(artifact, withDefaults({})));
  assert.equal(revisionId(artifact, withDefaults({ async: {} })), revisionId(artifact, withDefaults({})));
  const revision = { id: "0", createdAt: "", artifact, settings: first };
  assert.deepEqual(endpointSpec({ org: "acme", endpoint: "a" }, revision).async, { attempts: 3, keep: "1h" });
});

test("naming the settings of asynchronous calls replaces all of them, and null removes them", () => {
  const before = changeSettings(undefined, { settings: { async: { attempts: 3, failures: "5xx" } } });
  const changed = changeSettings(before, { settings: { async: { backoff: "2s" } } });
  assert.deepEqual(settingChanges(before.settings, changed.settings), [
    { setting: "async", from: "attempts=3,failures=5xx", to: "backoff=2s" },
  ]);
  assert.deepEqual(changeSettings(changed, { settings: { async: null } }), changeSettings(undefined, {}));
});

test("the longest wait between deliveries is not shorter than the first", () => {
  const problem = (backoff: string, maxBackoff?: string) =>
    settingsProblem(withDefaults({ async: { backoff, ...(maxBackoff === undefined ? {} : { maxBackoff }) } }));
  assert.match(problem("2s", "1s") ?? "", /"async.maxBackoff" to be at least "async.backoff" \(2s\), got 1s/);
  assert.match(settingsProblem(withDefaults({ async: { maxBackoff: "10ms" } })) ?? "", /\(1s\), got 10ms/);
  for (const [backoff, maxBackoff] of [["2s", "2s"], ["10m"]] as const)
    assert.equal(problem(backoff, maxBackoff), undefined);
  assert.equal(asyncPolicy({ backoff: "10m" }).maxBackoffMs, 600_000);
  assert.equal(asyncPolicy().maxBackoffMs, 300_000);
});

test("formats the settings of asynchronous calls in one order", () => {
  assert.equal(formatAsyncSettings({ failures: "429,5xx", attempts: 3 }), "attempts=3,failures=429,5xx");
  assert.equal(settingsInputSchema.safeParse({ async: { failures: "6xx" } }).success, false);
});
