import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { endpointSpec, type Logger, type SettingsInput, withDefaults } from "@faas/core";
import type { KubernetesApi } from "../client/api-client.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import type { ObjectCache, ObservedDeployment } from "./object-cache.ts";
import { ReplicaScaler } from "./replica-scaler.ts";

function endpoint(desired: number, settings: SettingsInput = {}): KubernetesEndpoint {
  const artifact = { kind: "image", reference: "r:5000/acme/x@sha256:1" } as const;
  const spec = endpointSpec(
    { org: "acme", endpoint: "x" },
    { id: "r1", createdAt: "", artifact, settings: withDefaults(settings) },
  );
  return { spec, desired } as KubernetesEndpoint;
}

const observed = (replicas: number, isRolling = false) => ({ replicas, isRolling }) as ObservedDeployment;

/** Creates a scaler and the list of numbers that it sets. */
function setUp() {
  const numbers: number[] = [];
  const warnings: unknown[] = [];
  const warn = (fields: unknown) => void warnings.push(fields);
  const log: Logger = { debug: () => {}, info: () => {}, warn, error: () => {} };
  const call = async (_method: string, _path: string, { body }: { body: { spec: { replicas: number } } }) => {
    numbers.push(body.spec.replicas);
    return {};
  };
  const api = { call } as unknown as KubernetesApi;
  const scaler = new ReplicaScaler({ api, cache: { scaled: () => {} } as unknown as ObjectCache, log });
  return { scaler, numbers, warnings };
}
const { signal } = new AbortController();

describe("ReplicaScaler", () => {
  test("scales up during a rollout", async () => {
    const { scaler, numbers } = setUp();
    await scaler.scale(endpoint(3), observed(1, true));
    assert.deepEqual(numbers, [3]);
  });

  test("scales down after a rollout, without a warning", async () => {
    const { scaler, numbers, warnings } = setUp();
    await scaler.scale(endpoint(1), observed(3, true));
    assert.equal(scaler.hasDrifted(endpoint(1), observed(3, true)), false);
    assert.deepEqual(numbers, []);
    assert.equal(scaler.hasDrifted(endpoint(1), observed(3)), true);
    await scaler.reconcile(endpoint(1), observed(3), signal);
    assert.deepEqual([numbers, warnings], [[1], []]);
  });

  test("scales to zero during a rollout", async () => {
    const { scaler, numbers } = setUp();
    await scaler.scale(endpoint(0), observed(3, true));
    assert.deepEqual(numbers, [0]);
  });

  test("resets a number that was changed outside faas, with a warning", async () => {
    const { scaler, numbers, warnings } = setUp();
    await scaler.reconcile(endpoint(1), observed(3), signal);
    assert.deepEqual([numbers, warnings], [[1], [{ endpoint: "acme/x", found: 3, wanted: 1 }]]);
  });

  test("leaves the number of an autoscaled endpoint to the autoscaler", async () => {
    const { scaler, numbers } = setUp();
    const autoscaled = endpoint(1, { scaler: "cpu" });
    await scaler.reconcile(autoscaled, observed(3), signal);
    assert.deepEqual(numbers, []);
    assert.equal(scaler.replicasToApply(autoscaled, observed(3)), 3);
    assert.equal(scaler.hasDrifted(autoscaled, observed(3)), false);
    assert.equal(scaler.hasDrifted(autoscaled, observed(0)), true);
  });
});
