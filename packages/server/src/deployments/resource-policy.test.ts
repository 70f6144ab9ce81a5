import assert from "node:assert/strict";
import { test } from "node:test";
import { FaasError } from "@faas/core";
import { checkResourcesAllowed } from "./resource-policy.ts";

const ref = { org: "acme", endpoint: "x" };
const resources = { "nvidia.com/gpu": 2 };

/** Returns the code of the error, and its detail. */
function rejection(replicas: number, allowed?: Record<string, number>): [code?: string, detail?: string] {
  try {
    checkResourcesAllowed(ref, { resources, replicas }, allowed);
    return [];
  } catch (error) {
    assert.ok(error instanceof FaasError);
    return [error.code, error.message];
  }
}

test("an extended resource must be allowed, and the error has the command that allows it", () => {
  const [code, detail = ""] = rejection(1, { "example.com/dongle": 3 });
  assert.equal(code, "RESOURCE_NOT_ALLOWED");
  assert.match(detail, /it may use example.com\/dongle=3\. .*--resources 'example.com\/dongle=3,nvidia.com\/gpu=2'/);
  assert.match(rejection(1)[1] ?? "", /no extended resource is allowed for it/);
});

test("the minimum replicas may not have more than the limit", () => {
  assert.deepEqual(rejection(2, { "nvidia.com/gpu": 4 }), []);
  assert.equal(rejection(3, { "nvidia.com/gpu": 4 })[0], "LIMIT_EXCEEDED");
  // At least one replica must fit, although it starts only with the first request.
  assert.equal(rejection(0, { "nvidia.com/gpu": 1 })[0], "LIMIT_EXCEEDED");
});
