import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSpec, type SettingsInput, withDefaults } from "@faas/core";
import { deploymentManifest } from "./endpoint.ts";
import { type WarmSpec, warmReplicaSet } from "./warm-pod.ts";

const options = { instance: "one", startSeconds: 60, gatewayCidrs: [] };
const MIB = 2 ** 20;

function specOf(settings: SettingsInput): WarmSpec {
  const warm = { image: "r/base@sha256:1", code: `sha256:${"0".repeat(64)}` };
  const artifact = { kind: "image", reference: "r/x@sha256:1", warm } as const;
  const revision = { id: "r1", createdAt: "", artifact, settings: withDefaults(settings) };
  return endpointSpec({ org: "acme", endpoint: "x" }, revision) as WarmSpec;
}
const endpointPod = (settings: SettingsInput) => deploymentManifest(specOf(settings), options).spec?.template.spec;
const warmPod = (settings: SettingsInput) => warmReplicaSet(specOf(settings), "t", options).object.spec?.template?.spec;

test("files have the disk limit, the container more for its log, and a quarter is reserved", () => {
  const pod = endpointPod({ disk: "100Mi" });
  assert.equal(pod?.volumes?.find(({ name }) => name === "tmp")?.emptyDir?.sizeLimit, String(100 * MIB));
  const { limits, requests } = pod?.containers[0]?.resources ?? {};
  assert.deepEqual(
    [limits?.["ephemeral-storage"], requests?.["ephemeral-storage"]],
    [String(164 * MIB), String(25 * MIB)],
  );
});

test("an endpoint without a disk limit has one", () => {
  assert.deepEqual(endpointPod({}), endpointPod({ disk: "1Gi" }));
});

test("every volume of a warm pod is limited, and its container by more than they are together", () => {
  const pod = warmPod({ disk: "100Mi" });
  const sizes = (pod?.volumes ?? []).map(({ emptyDir }) => Number(emptyDir?.sizeLimit));
  assert.equal(sizes.length, 3);
  const limit = Number(pod?.containers[0]?.resources?.limits?.["ephemeral-storage"]);
  assert.ok(sizes.reduce((sum, size) => sum + size) < limit, `${sizes} within ${limit}`);
});

test("warm pods of endpoints with another disk limit are others, with the request of the endpoint", () => {
  const id = (settings: SettingsInput) => warmReplicaSet(specOf(settings), "t", options).id;
  assert.notEqual(id({ disk: "100Mi" }), id({}));
  assert.equal(warmPod({ disk: "100Mi" })?.containers[0]?.resources?.requests?.["ephemeral-storage"], String(25 * MIB));
});
