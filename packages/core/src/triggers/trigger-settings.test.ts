import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { revisionId } from "../endpoints/endpoint.ts";
import { settingsInputSchema, settingsProblem, withDefaults } from "../endpoints/settings.ts";
import { changeSettings, settingChanges } from "../endpoints/settings-change.ts";
import { formatHook, hookProviders, parseHook } from "./hook-settings.ts";
import { formatSubscription, matchesPattern, parseSubscription, type Subscription } from "./subscription-settings.ts";

const artifact = { kind: "image", reference: "acme/a:1" } as const;
const hook = { name: "payments", provider: "stripe", secret: "STRIPE", path: "/paid" } as const;
const subscription = { type: "com.example.*", source: "/orders/*", extensions: { tenant: "acme" } };

test("hooks and subscriptions are part of a revision", () => {
  const ids = [{}, { hooks: [hook] }, { subscriptions: [subscription] }].map((input) =>
    revisionId(artifact, withDefaults(input)),
  );
  assert.equal(new Set(ids).size, 3);
  assert.equal(revisionId(artifact, withDefaults({ hooks: [], subscriptions: [] })), ids[0]);
});

test("changes of hooks and subscriptions are shown as text", () => {
  const before = changeSettings(undefined, {});
  const after = changeSettings(before, { settings: { hooks: [hook], subscriptions: [subscription] } });
  assert.deepEqual(settingChanges(before.settings, after.settings), [
    { setting: "hooks", from: null, to: ["payments stripe STRIPE /paid"] },
    { setting: "subscriptions", from: null, to: ["type=com.example.* source=/orders/* extensions.tenant=acme"] },
  ]);
  assert.deepEqual(changeSettings(after, { settings: { hooks: null, subscriptions: [] } }), before);
});

test("two hooks of an endpoint cannot have one name", () => {
  assert.match(settingsProblem(withDefaults({ hooks: [hook, hook] })) ?? "", /"payments" twice/);
  assert.equal(settingsProblem(withDefaults({ hooks: [hook, { ...hook, name: "other" }] })), undefined);
});

for (const [name, input] of Object.entries({
  "a hook with an unknown provider": { hooks: [{ ...hook, provider: "gitlab" }] },
  "a hook with a slash in its name": { hooks: [{ ...hook, name: "a/b" }] },
  "a hook without a secret": { hooks: [{ name: "a", provider: "github" }] },
  "a hook with a relative path": { hooks: [{ ...hook, path: "paid" }] },
  "a pattern with * in the middle": { subscriptions: [{ type: "com.*.order" }] },
  "an empty pattern": { subscriptions: [{ source: "" }] },
  "an extension with an upper-case name": { subscriptions: [{ extensions: { Tenant: "a" } }] },
  "a filter of an unknown attribute": { subscriptions: [{ kind: "a" }] },
}))
  test(`${name} is invalid`, () => assert.equal(settingsInputSchema.safeParse(input).success, false));

test("the text of a hook has all of it", () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,9}$/);
  const hooks = fc.record(
    {
      name: label,
      provider: fc.constantFrom(...hookProviders),
      secret: fc.stringMatching(/^[A-Z_]{1,9}$/),
      path: label.map((text) => `/${text}`),
    },
    { requiredKeys: ["name", "provider", "secret"], noNullPrototype: true },
  );
  fc.assert(fc.property(hooks, (each) => assert.deepEqual(parseHook(formatHook(each)), each)));
  assert.equal(parseHook("a github"), undefined);
  assert.equal(parseHook("a github S /path more"), undefined);
});

test("the text of a subscription has all of it", () => {
  const pattern = fc.stringMatching(/^[a-z/.=]{1,9}\*?$/);
  const fields = {
    type: pattern,
    source: pattern,
    extensions: fc.dictionary(fc.stringMatching(/^[a-z0-9]{1,9}$/), pattern, { minKeys: 1, noNullPrototype: true }),
    path: pattern.map((text) => `/${text}`),
  };
  fc.assert(
    fc.property(fc.record(fields, { requiredKeys: ["type"], noNullPrototype: true }), (each) =>
      assert.deepEqual(parseSubscription(formatSubscription(each as Subscription)), each),
    ),
  );
  assert.equal(formatSubscription({}), "type=*");
  assert.equal(parseSubscription("kind=a"), undefined);
});

test("a pattern is a value, or the beginning of values", () => {
  const cases: [string, string, boolean][] = [
    ["a.b", "a.b", true],
    ["a.b", "a.b.c", false],
    ["a.*", "a.b.c", true],
    ["a.*", "a.", true],
    ["a.*", "a", false],
    ["*", "", true],
  ];
  for (const [pattern, value, expected] of cases) assert.equal(matchesPattern(pattern, value), expected, pattern);
});
