import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { endpointSpec, type Placement, type SettingsInput, withDefaults } from "@faas/core";
import { isWarmable } from "../../pool/variant.ts";
import { budgetManifest, needsBudget } from "./disruption-budget.ts";
import { deploymentManifest } from "./endpoint.ts";
import { type WarmSpec, warmReplicaSet } from "./warm-pod.ts";

const optionsOf = (placement?: Placement) => ({
  ...{ instance: "one", startSeconds: 60, gatewayCidrs: [] },
  placements: { of: (org: string) => (org === "acme" ? placement : undefined) },
});

function specOf(settings: SettingsInput = {}, org = "acme"): WarmSpec {
  const warm = { image: "r/base@sha256:1", code: `sha256:${"0".repeat(64)}` };
  const artifact = { kind: "image", reference: "r/x@sha256:1", warm } as const;
  const revision = { id: "r1", createdAt: "", artifact, settings: withDefaults(settings) };
  return endpointSpec({ org, endpoint: "x" }, revision) as WarmSpec;
}

const podOf = (placement?: Placement, spec = specOf()) =>
  deploymentManifest(spec, optionsOf(placement)).spec?.template.spec;
const warmOf = (placement?: Placement, spec = specOf()) => warmReplicaSet(spec, "t", optionsOf(placement));

const PLACEMENT: Placement = {
  nodeSelector: { pool: "acme" },
  tolerations: ["dedicated=acme:NoSchedule"],
  priorityClass: "low",
  runtimeClass: "gvisor",
};

describe("the placement of an organization", () => {
  for (const [name, pod] of [
    ["replicas", podOf(PLACEMENT)],
    ["warm pods", warmOf(PLACEMENT).object.spec?.template?.spec],
  ] as const) {
    test(`is that of its ${name}, which still leave lost nodes`, () => {
      assert.deepEqual(
        [pod?.nodeSelector, pod?.priorityClassName, pod?.runtimeClassName],
        [{ pool: "acme" }, "low", "gvisor"],
      );
      assert.deepEqual(
        pod?.tolerations?.map(({ key }) => key),
        ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "dedicated"],
      );
    });
  }

  test("is not that of others, and other warm pods are needed with another one", () => {
    assert.equal(podOf(PLACEMENT, specOf({}, "other"))?.nodeSelector, undefined);
    assert.notEqual(warmOf(PLACEMENT).id, warmOf().id);
    assert.equal(warmOf().id, warmOf({}).id);
  });
});

describe("replicas", () => {
  test("are spread over zones and nodes, apart from those of other revisions, but run where there is only one", () => {
    const constraints = podOf()?.topologySpreadConstraints ?? [];
    assert.deepEqual(
      constraints.map(({ topologyKey }) => topologyKey),
      ["topology.kubernetes.io/zone", "kubernetes.io/hostname"],
    );
    for (const { whenUnsatisfiable, labelSelector, matchLabelKeys } of constraints)
      assert.deepEqual(
        [whenUnsatisfiable, labelSelector?.matchLabels, matchLabelKeys],
        ["ScheduleAnyway", { "faas/endpoint": "x" }, ["faas/revision"]],
      );
  });

  test("have a budget from two on, because with one it would keep a node from being drained", () => {
    assert.deepEqual(
      [0, 1, 2].map((replicas) => needsBudget(specOf({ replicas }))),
      [false, false, true],
    );
    const { spec } = budgetManifest(specOf({ replicas: 2 }), optionsOf());
    assert.deepEqual([spec?.maxUnavailable, spec?.unhealthyPodEvictionPolicy], [1, "AlwaysAllow"]);
    assert.deepEqual(spec?.selector?.matchLabels, { "faas/endpoint": "x" });
  });

  test("request the extended resources that limit them, and never wait in a pool", () => {
    const spec = specOf({ resources: { "nvidia.com/gpu": 2 } });
    const { limits, requests } = podOf(undefined, spec)?.containers[0]?.resources ?? {};
    assert.deepEqual([limits?.["nvidia.com/gpu"], requests?.["nvidia.com/gpu"]], ["2", "2"]);
    assert.deepEqual([isWarmable(specOf()), isWarmable(spec)], [true, false]);
  });
});
