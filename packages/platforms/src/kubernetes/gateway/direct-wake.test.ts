import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError } from "../client/cluster-error.ts";
import type { CallOptions, ClusterRequests } from "../client/requests.ts";
import { wakeDirectly } from "./direct-wake.ts";

const REF = { org: "acme", endpoint: "x" };
const PATH = "/apis/apps/v1/namespaces/faas-acme/deployments/x/scale";

/** Creates an API server with one scale. Another writer is first at the first `conflicts` patches. */
function setUp(replicas: number, conflicts = 0) {
  const patches: unknown[] = [];
  let version = 7;
  let current = replicas;
  const call = async (method: string, path: string, { body, query }: CallOptions = {}) => {
    assert.equal(path, PATH);
    // A number of zero is left out (`omitempty`).
    if (method === "GET")
      return { metadata: { resourceVersion: String(version) }, spec: current === 0 ? {} : { replicas: current } };
    if (conflicts-- > 0) {
      version++;
      throw new ClusterError("CLUSTER_REFUSED", "modified", 409, "Conflict");
    }
    patches.push({ method, body, manager: query?.fieldManager });
    current = (body as { spec: { replicas: number } }).spec.replicas;
    return {};
  };
  return { api: { call } as unknown as ClusterRequests, patches };
}

const patch = (resourceVersion: string, replicas: number) => ({
  method: "PATCH",
  body: {
    ...{ apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "x", resourceVersion } },
    spec: { replicas },
  },
  manager: "faas-gateway",
});

test("starts replicas where there are none", async () => {
  const { api, patches } = setUp(0);
  await wakeDirectly(api, REF, 2);
  assert.deepEqual(patches, [patch("7", 2)]);
});

test("leaves an endpoint alone that has replicas, as another gateway may have started them", async () => {
  const { api, patches } = setUp(0);
  await Promise.all([wakeDirectly(api, REF, 2), wakeDirectly(api, REF, 2).then(() => wakeDirectly(api, REF, 3))]);
  assert.equal((patches.at(-1) as { body: { spec: { replicas: number } } }).body.spec.replicas, 2);
});

test("looks again after another writer was first, and gives up at some time", async () => {
  const { api, patches } = setUp(0, 2);
  await wakeDirectly(api, REF, 1);
  assert.deepEqual(patches, [patch("9", 1)]);
  await assert.rejects(wakeDirectly(setUp(0, 100).api, REF, 1), { reason: "Conflict" });
});
