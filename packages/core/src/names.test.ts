import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { endpointName, orgName } from "./name-schemas.ts";
import { ENDPOINT_NAME_MAX, NAMESPACE_PREFIX, ORG_NAME_MAX, orgNameProblem } from "./names.ts";

const accepted = (schema: typeof orgName, value: unknown) => schema.safeParse(value).success;

test("accepts DNS-1123 labels", () => {
  for (const name of ["a", "acme", "a-b", "0", "x1-2-3y"]) assert.ok(accepted(orgName, name), name);
});

test("rejects names that are not DNS-1123 labels", () => {
  for (const name of ["", "-", "-a", "a-", "A", "a_b", "a.b", "a b", "ä", "a/b", "a\0", 7, null]) {
    assert.ok(!accepted(endpointName, name), String(name));
  }
});

test("accepts at most 63 characters in an endpoint's name", () => {
  assert.ok(accepted(endpointName, "a".repeat(ENDPOINT_NAME_MAX)));
  assert.ok(!accepted(endpointName, "a".repeat(ENDPOINT_NAME_MAX + 1)));
});

test("the namespace of every organization is a DNS-1123 label", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9-]{1,64}$/), (name) => {
      fc.pre(accepted(orgName, name));
      assert.match(NAMESPACE_PREFIX + name, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    }),
  );
  assert.ok(!accepted(orgName, "a".repeat(ORG_NAME_MAX + 1)));
});

test("reserves the organization name of the control server's own namespace", () => {
  assert.match(orgNameProblem("system") ?? "", /reserved/);
});
