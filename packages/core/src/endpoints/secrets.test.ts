import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSpec, revisionId } from "./endpoint.ts";
import { SECRET_VALUE_MAX, secretNameProblem, secretValueProblem } from "./secrets.ts";
import { settingsInputSchema, settingsProblem, withDefaults } from "./settings.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;

for (const name of ["A", "_", "api_key", "DB2", "x".repeat(128), "constructor"])
  test(`accepts the name "${name.slice(0, 20)}"`, () => assert.equal(secretNameProblem(name), undefined));

for (const name of ["", "1A", "a-b", "a.b", "A=hunter2", "a b", "ä", "../x", "A\n", "__proto__", "x".repeat(129)])
  test(`rejects the name ${JSON.stringify(name.slice(0, 20))} without quoting it`, () => {
    const problem = secretNameProblem(name);
    assert.ok(problem);
    if (name.length > 2) assert.ok(!problem.includes(name), problem);
  });

for (const [name, value, expected] of [
  ["accepts a word", "hunter2", undefined],
  ["accepts several lines", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n", undefined],
  ["accepts the maximum size", "x".repeat(SECRET_VALUE_MAX), undefined],
  ["rejects an empty value", "", /empty/],
  ["rejects a NUL", "hunter\0two", /NUL/],
  ["rejects half a surrogate pair", "hunter\ud800", /Unicode/],
  ["rejects a byte more than the maximum", "x".repeat(SECRET_VALUE_MAX + 1), /at most 65536 bytes, got 65537/],
  ["counts bytes, not characters", "ä".repeat(SECRET_VALUE_MAX / 2 + 1), /got 65538/],
] as const)
  test(name, () => {
    const problem = secretValueProblem(value);
    if (expected === undefined) assert.equal(problem, undefined);
    else assert.match(problem ?? "", expected);
    assert.ok(!problem?.includes("hunter"));
  });

test("settings reject secrets with invalid names, and variables that faas sets", () => {
  const accepts = (secrets: object) => settingsInputSchema.safeParse({ secrets }).success;
  assert.ok(accepts({ DATABASE_URL: "db_url", API_KEY: "API_KEY" }));
  for (const secrets of [{ FAAS_ORG: "x" }, { PORT: "x" }, { "a-b": "x" }, { A: "sk-live-1" }, { A: "" }, { A: 1 }])
    assert.ok(!accepts(secrets), JSON.stringify(secrets));
});

test("a variable cannot be in both env and secrets", () => {
  const problem = settingsProblem(withDefaults({ env: { A: "1", B: "2" }, secrets: { B: "b" } })) ?? "";
  assert.match(problem, /"env" or in "secrets", but B is in both/);
  assert.equal(settingsProblem(withDefaults({ env: { A: "1" }, secrets: { B: "A" } })), undefined);
});

test("a revision id depends on the versions of secrets but not on their order, and is stable without secrets", () => {
  const settings = withDefaults({ secrets: { A: "a", B: "b" } });
  const other = withDefaults({ secrets: { B: "b", A: "a" } });
  assert.equal(revisionId(artifact, settings, { a: "1", b: "2" }), revisionId(artifact, other, { b: "2", a: "1" }));
  assert.notEqual(
    revisionId(artifact, settings, { a: "1", b: "2" }),
    revisionId(artifact, settings, { a: "1", b: "3" }),
  );
  assert.equal(revisionId(artifact, withDefaults({ secrets: {} })), revisionId(artifact, withDefaults({})));
  assert.equal(revisionId(artifact, withDefaults({})), "15799b6ac481");
});

test("a spec has the version of each secret variable", () => {
  const settings = withDefaults({ secrets: { URL: "db", SAME: "db" } });
  const revision = { id: "r", createdAt: "", artifact, settings, secrets: { db: "v1" } };
  const secret = { name: "db", version: "v1" };
  assert.deepEqual(endpointSpec({ org: "acme", endpoint: "x" }, revision).secrets, { URL: secret, SAME: secret });
});
