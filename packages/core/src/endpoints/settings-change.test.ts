import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type SettingsInput, settingsProblem, withDefaults } from "./settings.ts";
import {
  changeSettings,
  detectedSettings,
  type SettingsChange,
  setSettings,
  settingChanges,
} from "./settings-change.ts";

const variable = fc.constantFrom("A", "B", "C");
const variables = fc.dictionary(variable, fc.constantFrom("1", "2", ""), { maxKeys: 2, noNullPrototype: true });
const values = {
  runtime: fc.constantFrom("node", "python"),
  app: fc.constantFrom("function", "http"),
  signature: fc.constantFrom("faas", "lambda"),
  handler: fc.constantFrom("a.b", "c.d"),
  command: fc.constantFrom<string | readonly string[]>("run", ["run", "it"]),
  readyPath: fc.constantFrom("/", "/ready"),
  baseImage: fc.constantFrom("node:24-slim", "node:22-slim"),
  fallback: fc.constantFrom("index.html", "404.html"),
  replicas: fc.constantFrom(0, 1, 2),
  maxReplicas: fc.constantFrom(2, 10, 20),
  warm: fc.constantFrom([], [{ cron: "0 8 * * *", timeZone: "UTC", for: "1h", replicas: 2 }]),
  scaler: fc.constantFrom("concurrency", "fixed"),
  concurrency: fc.constantFrom(1, 80),
  idleTimeout: fc.constantFrom("5m", "never"),
  keepWarm: fc.constantFrom("0s", "1h"),
  timeout: fc.constantFrom("30s", "1s"),
  async: fc.constantFrom({}, { attempts: 3 }, { failures: "5xx", keep: "1h" }),
  hooks: fc.constantFrom([], [{ name: "a", provider: "github" as const, secret: "S" }]),
  subscriptions: fc.constantFrom([], [{ type: "a.*", extensions: { b: "c" } }]),
  sources: fc.constantFrom([], [{ subject: "acme.>" }], [{ stream: "A", startAt: "all", order: "subject" as const }]),
  schedules: fc.constantFrom(
    [],
    [{ cron: "0 8 * * *" }],
    [{ name: "a", cron: "H 8 * * *", timeZone: "Europe/Berlin", body: { a: [1] }, missed: 3, overlap: true }],
    [{ name: "a", cron: "@daily", path: "/", method: "POST", missed: "once", overlap: false, enabled: false }],
  ),
  tool: fc.constantFrom(
    { description: "Adds" },
    { name: "add", description: "Adds", input: { type: "object" as const, properties: { a: { type: "number" } } } },
  ),
  cpu: fc.constantFrom("100m", "1"),
  cpuMax: fc.constantFrom("1", "2"),
  memory: fc.constantFrom("256Mi", "1Gi"),
  disk: fc.constantFrom("1Gi", "64Mi"),
  resources: fc.constantFrom<Record<string, number>>(
    {},
    { "nvidia.com/gpu": 1 },
    { "example.com/b": 2, "example.com/a": 1 },
  ),
  bodyLimit: fc.constantFrom("6Mi", "1Mi"),
  egress: fc.constantFrom("open", "none"),
  visibility: fc.constantFrom("private", "public"),
  hostnames: fc.subarray(["b.example.com", "a.example.com"]),
  env: variables,
  secrets: variables,
} satisfies { [Name in keyof SettingsInput]-?: fc.Arbitrary<NonNullable<SettingsInput[Name]>> };

const detected = fc.record(
  { ...pick(values, ["runtime", "app", "handler", "command"]), env: variables },
  { requiredKeys: ["runtime"] },
) as fc.Arbitrary<NonNullable<SettingsChange["detected"]>>;
const nullable = Object.fromEntries(
  Object.entries(values).map(([name, value]) => [name, fc.option<unknown>(value, { freq: 8 })]),
);
const change = fc.record(
  {
    settings: fc.record(nullable, { requiredKeys: [] }),
    variables: fc.record(
      {
        env: fc.dictionary(variable, fc.constantFrom("3", null), { maxKeys: 2, noNullPrototype: true }),
        secrets: fc.dictionary(variable, fc.constantFrom("S", null), { maxKeys: 2, noNullPrototype: true }),
      },
      { requiredKeys: [] },
    ),
    detected,
  },
  { requiredKeys: [] },
) as fc.Arbitrary<SettingsChange>;

function pick<Fields extends object, Name extends keyof Fields>(fields: Fields, names: readonly Name[]) {
  return Object.fromEntries(names.map((name) => [name, fields[name]])) as Pick<Fields, Name>;
}

/** Names of the settings and single variables that may change with a change. */
function namesIn({ settings = {}, variables = {}, detected }: SettingsChange): RegExp {
  const named = Object.keys(settings);
  const both = [
    ...Object.keys({ ...variables.env, ...settings.env }),
    ...Object.keys({ ...variables.secrets, ...settings.secrets }),
  ];
  return new RegExp(
    `^(?:${[
      ...named,
      // The default depends on it.
      ...(named.includes("replicas") ? ["maxReplicas"] : []),
      ...named.filter((name) => name === "env" || name === "secrets").map((name) => `${name}\\..*`),
      // A variable moves between the two.
      ...both.flatMap((name) => [`env\\.${name}`, `secrets\\.${name}`]),
      ...(detected || named.includes("secrets") || variables.secrets ? ["env\\..*"] : []),
      ...(detected ? ["runtime", "app", "signature", "handler", "command"] : []),
      "-",
    ].join("|")})$`,
  );
}

test("a change leaves every setting alone that it does not name", () => {
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), change, (earlier, last) => {
      const before = earlier.reduce(changeSettings, undefined as ReturnType<typeof changeSettings> | undefined);
      assert.ok(before);
      const after = changeSettings(before, last);
      for (const { setting } of settingChanges(before.settings, after.settings)) assert.match(setting, namesIn(last));
      for (const [name, value] of Object.entries(setSettings(before)))
        if (!namesIn(last).test(name) && name !== "env" && name !== "secrets")
          assert.deepEqual(setSettings(after)[name as keyof SettingsInput], value);
    }),
    { numRuns: 200 },
  );
});

test("a change has the values that it names", () => {
  fc.assert(
    fc.property(fc.option(change, { nil: undefined }), fc.record(values, { requiredKeys: [] }), (earlier, settings) => {
      const before = earlier && changeSettings(undefined, earlier);
      const named = settings as SettingsInput;
      const { settings: after } = changeSettings(before, { settings: named });
      const expected = withDefaults({ ...named, replicas: after.replicas, maxReplicas: after.maxReplicas });
      for (const name of Object.keys(settings) as (keyof SettingsInput)[])
        assert.deepEqual(after[name], expected[name], name);
    }),
    { numRuns: 200 },
  );
});

test("a change of nothing changes nothing", () => {
  fc.assert(
    fc.property(change, (first) => {
      const before = changeSettings(undefined, first);
      assert.deepEqual(changeSettings(before, {}), before);
      assert.deepEqual(JSON.parse(JSON.stringify(before)), before);
      // The same with the state of an older server, which does not record the named settings.
      assert.deepEqual(changeSettings({ settings: before.settings }, {}).settings, before.settings);
    }),
    { numRuns: 200 },
  );
});

test("a reset leaves what the change names, and what is detected", () => {
  const before = changeSettings(undefined, {
    settings: { concurrency: 2, handler: "a.b", env: { A: "1" } },
    detected: { runtime: "python", app: "wsgi" },
  });
  const { settings } = changeSettings(before, { settings: { timeout: "1s" }, reset: true });
  assert.deepEqual(settings, withDefaults({ runtime: "python", app: "wsgi", timeout: "1s" }));
});

test("null puts a setting back to its default, and removes a variable", () => {
  const before = changeSettings(undefined, {
    settings: { concurrency: 2, hostnames: ["a.example.com"], env: { A: "1", B: "2" }, secrets: { C: "S" } },
  });
  const { settings } = changeSettings(before, {
    settings: { concurrency: null, hostnames: null },
    variables: { env: { A: null }, secrets: { C: null } },
  });
  assert.deepEqual(settings, withDefaults({ env: { B: "2" } }));
});

test("variables that are named as a setting are all variables; single ones leave the others", () => {
  const before = changeSettings(undefined, { settings: { env: { A: "1", B: "2" } } });
  assert.deepEqual(changeSettings(before, { settings: { env: { C: "3" } } }).settings.env, { C: "3" });
  assert.deepEqual(changeSettings(before, { variables: { env: { C: "3" } } }).settings.env, { A: "1", B: "2", C: "3" });
});

test("a variable moves from the environment to the secrets and back", () => {
  const inEnv = changeSettings(undefined, { settings: { env: { A: "1", B: "2" } } });
  const inSecrets = changeSettings(inEnv, { variables: { secrets: { A: "S" } } });
  assert.deepEqual([inSecrets.settings.env, inSecrets.settings.secrets], [{ B: "2" }, { A: "S" }]);
  const back = changeSettings(inSecrets, { variables: { env: { A: "3" } } });
  assert.deepEqual([back.settings.env, back.settings.secrets], [{ A: "3", B: "2" }, undefined]);
  const both = changeSettings(inEnv, { variables: { env: { A: "1" }, secrets: { A: "S" } } });
  assert.match(settingsProblem(both.settings) ?? "", /A is in both/);
});

test("detected settings hold until the next build, unless they are set", () => {
  const built = changeSettings(undefined, {
    settings: { handler: "mine.main" },
    detected: { runtime: "python", app: "asgi", handler: "app.app", env: { MODE: "fast" } },
  });
  assert.deepEqual(built.settings, {
    ...withDefaults({ runtime: "python", app: "asgi", handler: "mine.main", env: { MODE: "fast" } }),
  });
  assert.deepEqual(setSettings(built), { handler: "mine.main" });
  const changed = changeSettings(built, { settings: { timeout: "1s" } });
  assert.deepEqual(detectedSettings(changed), { runtime: "python", app: "asgi", env: { MODE: "fast" } });
  const rebuilt = changeSettings(changed, { detected: { runtime: "node" } });
  assert.deepEqual(rebuilt.settings, withDefaults({ runtime: "node", handler: "mine.main", timeout: "1s" }));
});

test("the default of maxReplicas follows replicas, unless it is set", () => {
  const many = changeSettings(undefined, { settings: { replicas: 20 } });
  assert.equal(many.settings.maxReplicas, 20);
  assert.equal(changeSettings(many, { settings: { replicas: 1 } }).settings.maxReplicas, 10);
  const set = changeSettings(undefined, { settings: { maxReplicas: 10 } });
  const { settings } = changeSettings(set, { settings: { replicas: 20 } });
  assert.match(settingsProblem(settings) ?? "", /"maxReplicas" to be at least "replicas" \(20\), got 10/);
});

test("a setting that has its default value because it was named is set", () => {
  assert.deepEqual(setSettings(changeSettings(undefined, { settings: { concurrency: 80 } })), { concurrency: 80 });
  assert.deepEqual(setSettings(changeSettings(undefined, {})), {});
});

test("changes list the values before and after, with variables one by one", () => {
  const before = withDefaults({ concurrency: 2, env: { A: "1" }, hostnames: ["a.example.com"], secrets: { T: "S" } });
  assert.deepEqual(settingChanges(before, withDefaults({ egress: "none", env: { A: "2" } })), [
    { setting: "concurrency", from: 2, to: 80 },
    { setting: "egress", from: "open", to: "none" },
    { setting: "hostnames", from: ["a.example.com"], to: null },
    { setting: "env.A", from: "1", to: "2" },
    { setting: "secrets.T", from: "S", to: null },
  ]);
});
