import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ManagedFields } from "../client/api-client.ts";
import { driftOf, takenOver } from "./drift.ts";

/** Field owners as an API server wrote them. */

const wanted = {
  kind: "Deployment",
  spec: {
    template: {
      metadata: { annotations: { "faas/cpu-millis": "100" } },
      spec: {
        enableServiceLinks: false,
        containers: [
          {
            name: "function",
            image: "x",
            env: [{ name: "EMPTY", value: "" }],
            ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
            securityContext: { capabilities: { drop: ["ALL"] } },
          },
        ],
      },
    },
  },
};
const http = 'k:{"containerPort":8080,"protocol":"TCP"}';
const container = (fields: object) => ({ 'k:{"name":"function"}': fields });
const template = (spec: object) => ({ "f:spec": { "f:template": { "f:spec": spec } } });
const containerFields = {
  ".": {},
  "f:name": {},
  "f:image": {},
  "f:env": { 'k:{"name":"EMPTY"}': { ".": {}, "f:name": {}, "f:value": {} } },
  "f:ports": { [http]: { ".": {}, "f:containerPort": {}, "f:name": {}, "f:protocol": {} } },
  "f:securityContext": { "f:capabilities": { "f:drop": {} } },
};
const ours = (fields: object = containerFields, rest: object = { "f:enableServiceLinks": {} }) =>
  ({
    manager: "faas",
    operation: "Apply",
    fieldsV1: {
      "f:spec": {
        "f:template": {
          "f:metadata": { "f:annotations": { "f:faas/cpu-millis": {} } },
          "f:spec": { ...rest, "f:containers": container(fields) },
        },
      },
    },
  }) as ManagedFields;
const by = (manager: string, fieldsV1: object, subresource?: string) =>
  ({ manager, operation: "Update", fieldsV1, ...(subresource ? { subresource } : {}) }) as ManagedFields;
const found = (...managedFields: readonly ManagedFields[]) => ({ kind: "Deployment", metadata: { managedFields } });
const added = {
  "f:containers": container({ "f:env": { 'k:{"name":"ADDED"}': { ".": {}, "f:name": {}, "f:value": {} } } }),
};

const { "f:image": _, ...withoutImage } = containerFields;

describe("what somebody else did to an object", () => {
  const nothing: readonly [string, ...ManagedFields[]][] = [
    ["nobody else", ours()],
    ["a controller's status", ours(), by("controller", { "f:status": { "f:replicas": {} } }, "status")],
    ["an autoscaler's number of replicas", ours(), by("controller", { "f:spec": { "f:replicas": {} } }, "scale")],
    ["a number of replicas that was edited", ours(), by("kubectl-edit", { "f:spec": { "f:replicas": {} } })],
    [
      "a restart",
      ours(),
      by("kubectl-rollout", {
        "f:spec": { "f:template": { "f:metadata": { "f:annotations": { ".": {}, "f:restartedAt": {} } } } },
      }),
    ],
    [
      "a webhook that sets another image in our name",
      ours(withoutImage),
      by("faas", template({ "f:containers": container({ "f:image": {} }) })),
    ],
    ["a label", ours(), by("kubectl-label", { "f:metadata": { "f:labels": { "f:mine": {} } } })],
  ];
  for (const [what, ...fields] of nothing)
    test(`nothing: ${what}`, () => {
      assert.equal(driftOf(wanted, found(...fields)), undefined);
      assert.equal(takenOver(found(...fields)), undefined);
    });

  test("a field that was changed is the other's; one that was removed is nobody's", () => {
    const image = by("kubectl-set", template({ "f:containers": container({ "f:image": {} }) }));
    assert.deepEqual(driftOf(wanted, found(ours(withoutImage), image)), {
      fields: ["spec.template.spec.containers[function].image"],
      by: ["kubectl-set"],
    });
    assert.deepEqual(driftOf(wanted, found(ours(containerFields, {}))), {
      fields: ["spec.template.spec.enableServiceLinks"],
      by: [],
    });
    const { "f:ports": _, ...noPorts } = containerFields;
    assert.deepEqual(driftOf(wanted, found(ours({ ...noPorts, "f:ports": {} })))?.fields, undefined);
    assert.deepEqual(driftOf(wanted, found(ours(noPorts)))?.fields, ["spec.template.spec.containers[function].ports"]);
    assert.deepEqual(driftOf(wanted, found())?.fields, ["spec"]);
  });

  test("what was added becomes ours, so that the next apply removes it; the rest stays the other's", () => {
    const restarted = { "f:annotations": { "f:restartedAt": {} } };
    const edit = by("kubectl-edit", {
      "f:metadata": { "f:labels": { "f:mine": {} } },
      "f:spec": { "f:replicas": {}, "f:template": { "f:metadata": restarted, "f:spec": added } },
    });
    assert.deepEqual(driftOf(wanted, found(ours(), edit)), {
      fields: ["spec.template.spec.containers[function].env[ADDED]"],
      by: ["kubectl-edit"],
    });
    const [own, other, ...more] = takenOver(found(edit, ours())) ?? [];
    assert.deepEqual(more, []);
    assert.deepEqual(
      own,
      ours({
        ...containerFields,
        "f:env": { ...containerFields["f:env"], 'k:{"name":"ADDED"}': { ".": {}, "f:name": {}, "f:value": {} } },
      }),
    );
    assert.deepEqual(other?.fieldsV1, {
      "f:metadata": { "f:labels": { "f:mine": {} } },
      "f:spec": { "f:replicas": {}, "f:template": { "f:metadata": restarted } },
    });
    assert.deepEqual(takenOver(found(ours(), by("kubectl-set", template(added))))?.length, 1);
  });
});
