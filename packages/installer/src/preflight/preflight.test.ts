import assert from "node:assert/strict";
import { test } from "node:test";
import { installPermissions, SERVER_RULES } from "../permissions.ts";
import { policyCheck } from "./preflight.ts";

for (const [names, status, words] of [
  [["kube-proxy", "calico-node"], "ok", /Calico enforces/],
  [["canal", "kube-flannel-ds"], "ok", /Calico/],
  [["cilium"], "ok", /Cilium/],
  [["kube-flannel-ds"], "warning", /flannel does not enforce/],
  [["aws-node"], "warning", /cannot tell/],
  [[], "warning", /cannot tell/],
] as const) {
  test(`policyCheck reports ${status} for ${names.join(" and ") || "no DaemonSet"}`, () => {
    const check = policyCheck(names);
    assert.equal(check.status, status);
    assert.match(check.found, words);
    assert.equal(check.advice === undefined, status === "ok");
  });
}

test("installPermissions includes every permission of the server", () => {
  const permissions = installPermissions();
  for (const { apiGroups = [], resources = [], verbs } of SERVER_RULES)
    for (const path of resources)
      for (const verb of verbs) {
        const [resource, subresource] = path.split("/");
        assert.ok(
          permissions.some(
            (permission) =>
              permission.verb === verb &&
              permission.group === apiGroups[0] &&
              permission.resource === resource &&
              permission.subresource === subresource,
          ),
          `${verb} ${path}`,
        );
      }
});
