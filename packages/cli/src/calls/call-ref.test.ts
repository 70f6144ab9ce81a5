import assert from "node:assert/strict";
import { test } from "node:test";
import { callKey, parseCallRef } from "./call-ref.ts";
import { parseChosen } from "./change-calls.ts";

test("a call is ORG/ID, or its Location with or without the server", () => {
  const ref = { org: "acme", id: "0197c-a_B" };
  for (const text of [
    callKey(ref),
    "/-/orgs/acme/calls/0197c-a_B",
    "https://faas.example.com:8443/-/orgs/acme/calls/0197c-a_B",
  ])
    assert.deepEqual(parseCallRef(text), ref);
});

for (const text of ["", "acme", "acme/", "/0197", "Acme!/0197", "acme/hello/0197", "/-/orgs/acme/calls", "acme/a b"])
  test(`"${text}" is not a call`, () => {
    assert.throws(() => parseCallRef(text), { code: "USAGE", message: `Expected a call as ORG/ID, got "${text}"` });
  });

test("--failed takes one organization or endpoint, and without it there are calls", () => {
  assert.deepEqual(parseChosen(["acme/1", "acme/2"], undefined), {
    calls: [
      { org: "acme", id: "1" },
      { org: "acme", id: "2" },
    ],
  });
  assert.deepEqual(parseChosen(["acme/hello"], true), { failedOf: { org: "acme", endpoint: "hello" } });
  assert.deepEqual(parseChosen(["acme"], true), { failedOf: { org: "acme" } });
  assert.throws(() => parseChosen(["acme"], undefined), /Expected a call as ORG\/ID, got "acme"/);
  assert.throws(() => parseChosen(["acme", "other"], true), /Expected one ORG or ORG\/ENDPOINT with --failed/);
});
