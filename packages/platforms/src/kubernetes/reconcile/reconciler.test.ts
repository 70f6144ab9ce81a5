import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { endpointKey, endpointSpec, type Logger, withDefaults } from "@faas/core";
import type { KubernetesApi } from "../client/api-client.ts";
import { ClusterError } from "../client/cluster-error.ts";
import { KubernetesEndpoint } from "../endpoint.ts";
import type { OrganizationNamespaces } from "../organizations/namespaces.ts";
import { Reconciler } from "./reconciler.ts";

const spec = endpointSpec(
  { org: "acme", endpoint: "x" },
  {
    id: "r1",
    createdAt: "",
    artifact: { kind: "image", reference: "r:5000/acme/x@sha256:1" },
    settings: withDefaults({}),
  },
);
const key = endpointKey(spec);
const manifests = { instance: "one", startSeconds: 60, gatewayCidrs: [] };

/** Waits until all promises have settled that do not need a timer. */
const settle = async () => {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
};

/** Creates a reconciler of one endpoint, with `apply` in place of the API server. */
function setUp(t: TestContext, apply: (kind: string | undefined) => unknown) {
  const endpoint = new KubernetesEndpoint(spec, {
    startSeconds: 60,
    onChanged: () => {},
    onReplicaReady: () => {},
    onSlowStart: () => {},
    lastLines: async () => [],
  });
  const closing = new AbortController();
  t.after(() => closing.abort());
  const warnings: string[] = [];
  const warn = (...args: readonly unknown[]) => void warnings.push(String(args.at(-1)));
  const log: Logger = { debug: () => {}, info: () => {}, warn, error: warn };
  const reconciler = new Reconciler({
    api: {
      apply: async (object: { kind?: string }) => apply(object.kind),
      get: async () => undefined,
    } as unknown as KubernetesApi,
    manifests,
    namespaces: {
      ensure: async () => {},
      manifestOptionsOf: () => manifests,
    } as unknown as OrganizationNamespaces,
    log,
    signal: closing.signal,
    endpoints: new Map([[key, endpoint]]),
    onDeploymentsChanged: () => {},
  });
  return { reconciler, endpoint, warnings };
}

const unreachable = () => {
  throw new ClusterError("CLUSTER_UNREACHABLE", "down", 0, "");
};

test("a failed reconciliation is retried at once after retryNow, without the rest of its backoff", async (t) => {
  let attempts = 0;
  const { reconciler, warnings } = setUp(t, () => {
    attempts++;
    unreachable();
  });
  reconciler.start();
  await settle();
  assert.equal(attempts, 1);
  reconciler.retryNow();
  await settle();
  assert.equal(attempts, 2);
  assert.deepEqual(warnings, Array(2).fill("failed to reconcile endpoint, will retry"));
});

test("a permanent failure is reported for the endpoint, a transient one is not", async (t) => {
  const permanent = setUp(t, () => {
    throw new ClusterError("CLUSTER_FORBIDDEN", "no permission", 403, "Forbidden");
  });
  permanent.reconciler.start();
  await settle();
  assert.equal(permanent.endpoint.status.failure?.code, "CLUSTER_FORBIDDEN");
  const transient = setUp(t, unreachable);
  transient.reconciler.start();
  await settle();
  assert.equal(transient.endpoint.status.failure, undefined);
});
