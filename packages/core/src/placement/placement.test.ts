import assert from "node:assert/strict";
import { test } from "node:test";
import { limitsSchema } from "../organizations/limits.ts";
import { parseToleration } from "./placement.ts";

const accepts = (limits: object) => limitsSchema.safeParse(limits).success;

test("reads taints as kubectl writes them", () => {
  assert.deepEqual(
    ["dedicated=acme:NoSchedule", "dedicated:NoExecute", "example.com/gpu=", "spot"].map(parseToleration),
    [
      { key: "dedicated", operator: "Equal", value: "acme", effect: "NoSchedule" },
      { key: "dedicated", operator: "Exists", effect: "NoExecute" },
      { key: "example.com/gpu", operator: "Equal", value: "" },
      { key: "spot", operator: "Exists" },
    ],
  );
});

test("accepts what a cluster accepts", () => {
  for (const tolerations of [["a=b:NoSchedule"], ["example.com/a"], ["a=:PreferNoSchedule"]])
    assert.ok(accepts({ tolerations }), String(tolerations));
  assert.ok(accepts({ nodeSelector: { "example.com/pool": "gpu", zone: "" } }));
  assert.ok(accepts({ runtimeClass: "gvisor", priorityClass: "batch.low" }));
  assert.ok(accepts({ resources: { "nvidia.com/gpu": 0 } }));
});

test("rejects what a cluster rejects", () => {
  for (const tolerations of [["a:Never"], ["=b"], ["a b"], ["-a"], [""]])
    assert.ok(!accepts({ tolerations }), String(tolerations));
  for (const nodeSelector of [{ "a b": "c" }, { a: "b c" }, { "/a": "b" }])
    assert.ok(!accepts({ nodeSelector }), JSON.stringify(nodeSelector));
  for (const runtimeClass of ["", "gVisor", "a_b"]) assert.ok(!accepts({ runtimeClass }), runtimeClass);
  for (const name of ["gpu", "kubernetes.io/gpu", "node.kubernetes.io/gpu", "cpu", "requests.x/gpu"])
    assert.ok(!accepts({ resources: { [name]: 1 } }), name);
});
