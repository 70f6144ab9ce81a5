import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ENDPOINT_NAME_MAX, endpointName, NAMESPACE_PREFIX, ORG_NAME_MAX, orgName, orgNameProblem } from "./names.ts";

const accepted = (schema: typeof orgName, value: unknown) => schema.safeParse(value).success;

test("a DNS-1123 label is a name", () => {
  for (const name of ["a", "acme", "a-b", "0", "x1-2-3y"]) assert.ok(accepted(orgName, name), name);
});

test("what is no DNS-1123 label is no name", () => {
  for (const name of ["", "-", "-a", "a-", "A", "a_b", "a.b", "a b", "ä", "a/b", "a\0", 7, null]) {
    assert.ok(!accepted(endpointName, name), String(name));
  }
});

test("an endpoint has at most 63 characters", () => {
  assert.ok(accepted(endpointName, "a".repeat(ENDPOINT_NAME_MAX)));
  assert.ok(!accepted(endpointName, "a".repeat(ENDPOINT_NAME_MAX + 1)));
});

test("the namespace of every organization is a label", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9-]{1,64}$/), (name) => {
      fc.pre(accepted(orgName, name));
      assert.match(NAMESPACE_PREFIX + name, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    }),
  );
  assert.ok(!accepted(orgName, "a".repeat(ORG_NAME_MAX + 1)));
});

test("the organization of the control server's own namespace is reserved", () => {
  assert.match(orgNameProblem("system") ?? "", /reserved/);
});
