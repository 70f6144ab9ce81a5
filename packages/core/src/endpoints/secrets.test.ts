import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSpec, revisionId } from "./endpoint.ts";
import { SECRET_VALUE_MAX, secretNameProblem, secretValueProblem } from "./secrets.ts";
import { settingsInputSchema, settingsProblem, withDefaults } from "./settings.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;

for (const name of ["A", "_", "api_key", "DB2", "x".repeat(128), "constructor"])
  test(`"${name.slice(0, 20)}" names a secret`, () => assert.equal(secretNameProblem(name), undefined));

for (const name of ["", "1A", "a-b", "a.b", "A=hunter2", "a b", "ä", "../x", "A\n", "__proto__", "x".repeat(129)])
  test(`${JSON.stringify(name.slice(0, 20))} names none, and is not repeated`, () => {
    const problem = secretNameProblem(name);
    assert.ok(problem);
    if (name.length > 2) assert.ok(!problem.includes(name), problem);
  });

for (const [what, value, problem] of [
  ["text", "hunter2", undefined],
  ["lines", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n", undefined],
  ["as much as may be", "x".repeat(SECRET_VALUE_MAX), undefined],
  ["nothing", "", /empty/],
  ["a NUL", "hunter\0two", /NUL/],
  ["half a character", "hunter\ud800", /Unicode/],
  ["a byte more", "x".repeat(SECRET_VALUE_MAX + 1), /at most 65536 bytes, got 65537/],
  ["too many bytes in fewer characters", "ä".repeat(SECRET_VALUE_MAX / 2 + 1), /got 65538/],
] as const)
  test(`a value: ${what}`, () => {
    const found = secretValueProblem(value);
    if (problem === undefined) assert.equal(found, undefined);
    else assert.match(found ?? "", problem);
    assert.ok(!found?.includes("hunter"));
  });

test("in settings a variable has a secret; names that faas sets, and others that are none, are refused", () => {
  const takes = (secrets: object) => settingsInputSchema.safeParse({ secrets }).success;
  assert.ok(takes({ DATABASE_URL: "db_url", API_KEY: "API_KEY" }));
  for (const secrets of [{ FAAS_ORG: "x" }, { PORT: "x" }, { "a-b": "x" }, { A: "sk-live-1" }, { A: "" }, { A: 1 }])
    assert.ok(!takes(secrets), JSON.stringify(secrets));
});

test("a variable cannot be plain and secret", () => {
  const problem = settingsProblem(withDefaults({ env: { A: "1", B: "2" }, secrets: { B: "b" } })) ?? "";
  assert.match(problem, /"env" or in "secrets", and B is in both/);
  assert.equal(settingsProblem(withDefaults({ env: { A: "1" }, secrets: { B: "A" } })), undefined);
});

test("a new version of a secret is another revision, in whatever order; without secrets ids are what they were", () => {
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

test("a spec says which version each variable has", () => {
  const settings = withDefaults({ secrets: { URL: "db", SAME: "db" } });
  const revision = { id: "r", createdAt: "", artifact, settings, secrets: { db: "v1" } };
  const secret = { name: "db", version: "v1" };
  assert.deepEqual(endpointSpec({ org: "acme", endpoint: "x" }, revision).secrets, { URL: secret, SAME: secret });
});
