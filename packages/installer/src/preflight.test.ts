import assert from "node:assert/strict";
import { test } from "node:test";
import { SERVER_RULES } from "./manifests.ts";
import { policyCheck, rightsOfInstall } from "./preflight.ts";

for (const [names, status, words] of [
  [["kube-proxy", "calico-node"], "ok", /Calico enforces/],
  [["canal", "kube-flannel-ds"], "ok", /Calico/],
  [["cilium"], "ok", /Cilium/],
  [["kube-flannel-ds"], "warning", /flannel enforces no/],
  [["aws-node"], "warning", /unknown/],
  [[], "warning", /unknown/],
] as const) {
  test(`network plugin ${names.join("+") || "unknown"}`, () => {
    const check = policyCheck(names);
    assert.equal(check.status, status);
    assert.match(check.found, words);
    assert.equal(check.advice === undefined, status === "ok");
  });
}

test("every right that the server gets is asked for", () => {
  const rights = rightsOfInstall();
  for (const { apiGroups = [], resources = [], verbs } of SERVER_RULES)
    for (const text of resources)
      for (const verb of verbs) {
        const [resource, subresource] = text.split("/");
        assert.ok(
          rights.some(
            (right) =>
              right.verb === verb &&
              right.group === apiGroups[0] &&
              right.resource === resource &&
              right.subresource === subresource,
          ),
          `${verb} ${text}`,
        );
      }
});
