import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ManagedFields } from "../client/objects.ts";
import { driftOf, withForeignFieldsOwned } from "./drift.ts";

/** Field owners as an API server writes them. */

const applied = {
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

describe("driftOf", () => {
  const ignored: readonly [string, ...ManagedFields[]][] = [
    ["no other field manager", ours()],
    ["a controller's status", ours(), by("controller", { "f:status": { "f:replicas": {} } }, "status")],
    ["an autoscaler's number of replicas", ours(), by("controller", { "f:spec": { "f:replicas": {} } }, "scale")],
    ["an edited number of replicas", ours(), by("kubectl-edit", { "f:spec": { "f:replicas": {} } })],
    [
      "a restart",
      ours(),
      by("kubectl-rollout", {
        "f:spec": { "f:template": { "f:metadata": { "f:annotations": { ".": {}, "f:restartedAt": {} } } } },
      }),
    ],
    [
      "a webhook that changes the image in the server's name",
      ours(withoutImage),
      by("faas", template({ "f:containers": container({ "f:image": {} }) })),
    ],
    ["a label", ours(), by("kubectl-label", { "f:metadata": { "f:labels": { "f:mine": {} } } })],
  ];
  for (const [change, ...fields] of ignored)
    test(`ignores ${change}`, () => {
      assert.equal(driftOf(applied, found(...fields)), undefined);
      assert.equal(withForeignFieldsOwned(found(...fields)), undefined);
    });

  test("names the manager of a changed field, and none for a removed field", () => {
    const image = by("kubectl-set", template({ "f:containers": container({ "f:image": {} }) }));
    assert.deepEqual(driftOf(applied, found(ours(withoutImage), image)), {
      fields: ["spec.template.spec.containers[function].image"],
      by: ["kubectl-set"],
    });
    assert.deepEqual(driftOf(applied, found(ours(containerFields, {}))), {
      fields: ["spec.template.spec.enableServiceLinks"],
      by: [],
    });
    const { "f:ports": _, ...noPorts } = containerFields;
    assert.deepEqual(driftOf(applied, found(ours({ ...noPorts, "f:ports": {} })))?.fields, undefined);
    assert.deepEqual(driftOf(applied, found(ours(noPorts)))?.fields, ["spec.template.spec.containers[function].ports"]);
    assert.deepEqual(driftOf(applied, found())?.fields, ["spec"]);
  });

  test("added fields become the server's, so that the next apply removes them, and all others keep their owner", () => {
    const restarted = { "f:annotations": { "f:restartedAt": {} } };
    const edit = by("kubectl-edit", {
      "f:metadata": { "f:labels": { "f:mine": {} } },
      "f:spec": { "f:replicas": {}, "f:template": { "f:metadata": restarted, "f:spec": added } },
    });
    assert.deepEqual(driftOf(applied, found(ours(), edit)), {
      fields: ["spec.template.spec.containers[function].env[ADDED]"],
      by: ["kubectl-edit"],
    });
    const [own, other, ...more] = withForeignFieldsOwned(found(edit, ours())) ?? [];
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
    assert.deepEqual(withForeignFieldsOwned(found(ours(), by("kubectl-set", template(added))))?.length, 1);
  });
});
