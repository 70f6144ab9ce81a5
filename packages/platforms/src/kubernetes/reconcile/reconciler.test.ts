import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { endpointKey, endpointSpec, type Logger, withDefaults } from "@faas/core";
import type { V1Deployment } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { ClusterError } from "../client/cluster-error.ts";
import type { KubernetesObject } from "../client/objects.ts";
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
function setUp(t: TestContext, apply: (object: KubernetesObject) => unknown) {
  const scaled: number[] = [];
  const endpoint = new KubernetesEndpoint(spec, {
    startSeconds: 60,
    onChanged: () => {},
    onReplicaReady: () => {},
    onQuotaUsedUp: () => {},
    onSlowStart: () => {},
    onReplace: () => {},
    onNodesFull: () => {},
    lastLines: async () => [],
  });
  const closing = new AbortController();
  t.after(() => closing.abort());
  const warnings: string[] = [];
  const warn = (...args: readonly unknown[]) => void warnings.push(String(args.at(-1)));
  const log: Logger = { debug: () => {}, info: () => {}, warn, error: warn };
  const reconciler = new Reconciler({
    api: {
      apply: async (object: KubernetesObject) => apply(object),
      get: async () => undefined,
      call: async (_method: string, _path: string, { body }: { body: { spec: { replicas: number } } }) => {
        scaled.push(body.spec.replicas);
        return { metadata: { resourceVersion: "3" } };
      },
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
  return { reconciler, endpoint, warnings, scaled };
}

/** Returns the endpoint's Deployment as the API server shows it, after `manager` set the number of replicas. */
const scaledBy = (manager: string, replicas: number, resourceVersion: string, digest: string): V1Deployment =>
  ({
    kind: "Deployment",
    metadata: {
      name: "x",
      namespace: "faas-acme",
      resourceVersion,
      labels: { "faas/org": "acme", "faas/endpoint": "x" },
      annotations: { "faas/applied": digest },
      managedFields: [
        { manager: "faas", operation: "Apply", fieldsV1: { "f:spec": { ".": {} } } },
        { manager, subresource: "scale", fieldsV1: { "f:spec": { "f:replicas": {} } } },
      ],
    },
    spec: { replicas, template: { metadata: { labels: { "faas/revision": "r1" } } } },
    status: {},
  }) as unknown as V1Deployment;

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

/** Starts a reconciler with the Deployment of an endpoint that has no replicas. */
async function setUpIdle(t: TestContext) {
  let digest = "";
  const set = setUp(t, ({ kind, metadata }) => {
    if (kind !== "Deployment") return {};
    digest = metadata?.annotations?.["faas/applied"] ?? "";
    return scaledBy("faas-scaler", 0, "1", digest);
  });
  set.reconciler.start();
  await settle();
  assert.equal(set.endpoint.desired, 0);
  return { ...set, observe: (manager: string) => set.reconciler.cache.observe(scaledBy(manager, 2, "2", digest)) };
}

test("replicas that a gateway started are kept, and become the desired ones until the next change", async (t) => {
  const { reconciler, observe, endpoint, warnings, scaled } = await setUpIdle(t);
  observe("faas-gateway");
  await settle();
  assert.deepEqual([endpoint.desired, endpoint.status.woken], [2, 2]);
  assert.deepEqual([scaled, warnings], [[], []]);
  endpoint.scaled(0);
  await reconciler.scale(endpoint, 2);
  assert.deepEqual([scaled, endpoint.status.woken], [[0], undefined]);
  // The same replicas, observed late.
  observe("faas-gateway");
  await settle();
  assert.equal(endpoint.desired, 0);
});

test("replicas that somebody else started are stopped, with a warning", async (t) => {
  const { observe, endpoint, warnings, scaled } = await setUpIdle(t);
  observe("kubectl");
  await settle();
  assert.deepEqual([endpoint.desired, endpoint.status.woken, scaled], [0, undefined, [0]]);
  assert.deepEqual(warnings, ["number of replicas was changed outside faas, resetting it"]);
});
