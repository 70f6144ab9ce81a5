import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { V1Pod, V1ReplicaSet } from "@kubernetes/client-node";
import { uniqueName } from "../cluster.ts";
import { ClusterServer } from "../cluster-server.ts";
import {
  build,
  HELLO,
  listWaiting,
  replicaOf,
  serveCold,
  untilCold,
  untilHandedOver,
  untilWaiting,
} from "../cold-endpoint.ts";
import { eventually, eventuallyHolds } from "../eventually.ts";

/** Objects in the cluster after warm pods were handed over. */

const ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
/** Time after which a control server relies on a new policy, and more. */
const ACTIVE_MS = 5_000;

interface ClusterEvent {
  readonly reason?: string;
  readonly involvedObject: { readonly name?: string };
  readonly message?: string;
}

/** Lists the pods that ReplicaSets of endpoints have created in an organization's namespace; those of warm pods have names that begin with "faas-". */
async function created(on: ClusterServer, org: string): Promise<readonly string[]> {
  const { items } = await on.api.call<{ items: ClusterEvent[] }>("GET", `/api/v1/namespaces/faas-${org}/events`, {
    query: { fieldSelector: "reason=SuccessfulCreate,involvedObject.kind=ReplicaSet" },
  });
  return items
    .filter(({ involvedObject }) => !involvedObject.name?.startsWith("faas-"))
    .map(({ message = "" }) => message);
}

const ownersOf = ({ metadata }: V1Pod) => metadata?.ownerReferences ?? [];
const isPresent = ({ metadata }: V1Pod) => metadata?.deletionTimestamp === undefined;

/** Asserts that an endpoint has exactly these pods, each with the endpoint's ReplicaSet as its only owner, and none of them protected any more. */
async function assertOwned(on: ClusterServer, key: string, names: readonly string[]): Promise<void> {
  const [org, endpoint] = key.split("/");
  const pods = await eventuallyHolds(
    "the hand-over has ended",
    () => on.pods(key),
    (all) =>
      all.length === names.length && all.every(({ metadata }) => metadata?.labels?.["faas/hand-over"] === undefined),
  );
  assert.deepEqual(pods.map(({ metadata }) => metadata?.name).sort(), [...names].sort());
  const sets = await on.api.list<V1ReplicaSet & { kind: "ReplicaSet" }>(
    "ReplicaSet",
    `faas-${org}`,
    `faas/endpoint=${endpoint}`,
  );
  for (const pod of pods) {
    assert.equal(ownersOf(pod).length, 1);
    const set = sets.find(({ metadata }) => metadata?.uid === ownersOf(pod)[0]?.uid);
    assert.equal(set?.spec?.replicas, names.length);
    assert.equal(pod.metadata?.annotations?.["controller.kubernetes.io/pod-deletion-cost"], undefined);
  }
}

/** Returns the path of a server's policy. */
const policyPath = async (on: ClusterServer) =>
  `${ADMISSION}/faas-hand-over-${(await readFile(join(on.dataDir, "instance"), "utf8")).trim()}`;

/** Waits until the server relies on the policy. */
async function untilActive(on: ClusterServer): Promise<void> {
  const path = await policyPath(on);
  interface Policy {
    readonly metadata: { readonly creationTimestamp: string };
  }
  await eventually("the policy is active", async () => {
    const policy = await on.api.call<Policy>("GET", path).catch(() => undefined);
    return policy && Date.now() - new Date(policy.metadata.creationTimestamp).getTime() > ACTIVE_MS;
  });
}

describe("a warm pod that is handed over", { concurrency: 3 }, () => {
  let server: ClusterServer;
  before(async () => {
    server = await ClusterServer.start({ poolSize: 3 });
  });
  after(() => server[Symbol.asyncDispose]());

  test("is the only pod that its endpoint gets", async () => {
    const { org, key } = await serveCold(server, HELLO.node, "node", { idleTimeout: "5s" });
    await untilActive(server);
    const before = await created(server, org);
    const pod = replicaOf(await server.request(key)) ?? "";
    await untilHandedOver(server, key, pod);
    await assertOwned(server, key, [pod]);
    assert.deepEqual(await created(server, org), before);
    await untilCold(server, key);
  });

  test("leaves nothing behind when its endpoint becomes idle at once", async () => {
    const { org, key } = await serveCold(server, HELLO.node, "node", { idleTimeout: "100ms" });
    await untilActive(server);
    for (let round = 0; round < 5; round++) {
      await untilWaiting(server, org);
      assert.equal((await server.request(key)).status, 200);
      await untilCold(server, key);
    }
    const waiting = async () => (await listWaiting(server, org)).filter(isPresent);
    await eventuallyHolds("three pods wait", waiting, ({ length }) => length === 3);
  });

  test("takes the place of a replica that exits, and no other replica ends", async () => {
    const source = 'export const handler = ({ path }) => (path === "/exit" ? process.exit(3) : "up");';
    const { org, key } = await serveCold(server, source, "node", { replicas: 2, idleTimeout: "20s" });
    await untilActive(server);
    await server.text(key);
    const names = (
      await eventuallyHolds(
        "two pods",
        () => server.pods(key),
        ({ length }) => length === 2,
      )
    ).map(({ metadata }) => metadata?.name ?? "");
    await assertOwned(server, key, names);
    await untilWaiting(server, org);
    const before = await created(server, org);
    await server.call(`${key}/exit`);
    assert.equal(await server.text(key), "up");
    const pods = await eventuallyHolds(
      "one of the two pods is another one",
      async () => (await server.pods(key)).map(({ metadata }) => metadata?.name ?? ""),
      (all) => all.length === 2 && all.filter((name) => names.includes(name)).length === 1,
    );
    await assertOwned(server, key, pods);
    assert.deepEqual(await created(server, org), before);
  });

  test("is not mistaken for another endpoint's, when several start at the same time", async () => {
    const { org, key } = await serveCold(server, HELLO.node, "node", { idleTimeout: "20s" });
    const keys = [key, `${org}/second`, `${org}/third`];
    const artifact = await build(server, org, HELLO.node, "node");
    for (const other of keys.slice(1))
      await server.serve(other, artifact, { runtime: "node", idleTimeout: "20s" }).then(() => server.text(other));
    for (const each of keys) await untilCold(server, each);
    await untilActive(server);
    const before = await created(server, org);
    const responses = await Promise.all(keys.map((each) => server.request(each)));
    const pods = responses.map((response) => replicaOf(response) ?? "");
    assert.equal(new Set(pods).size, keys.length);
    for (const [index, each] of keys.entries()) await assertOwned(server, each, [pods[index] ?? ""]);
    assert.deepEqual(await created(server, org), before);
  });
});

test("without the policy, a warm pod becomes the only one of its endpoint too", async () => {
  // A control server in a cluster does not create the policy.
  await using server = await ClusterServer.start({ poolSize: 1, namespace: uniqueName("none") });
  const { key, pod } = await serveCold(server, HELLO.node, "node", { idleTimeout: "10s" });
  await server.text(key);
  await untilHandedOver(server, key, pod);
  await assertOwned(server, key, [pod]);
});

test("a pod whose hand-over a server did not end is neither kept for ever nor deleted by its ReplicaSet before", async () => {
  await using server = await ClusterServer.start({ poolSize: 1 });
  const { org, key, pod } = await serveCold(server, HELLO.node);
  await untilActive(server);
  await server.stop();
  const [set] = await server.api.list<V1ReplicaSet & { kind: "ReplicaSet" }>(
    "ReplicaSet",
    `faas-${org}`,
    "faas/endpoint=hello",
  );
  const { name = "", uid, labels = {} } = set?.metadata ?? {};
  const body = {
    metadata: {
      labels: {
        "faas/warm": null,
        "faas/hand-over": "true",
        "faas/endpoint": "hello",
        "faas/revision": labels["faas/revision"],
        "pod-template-hash": labels["pod-template-hash"],
      },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name, uid, controller: true }],
    },
  };
  await server.api.call("PATCH", `/api/v1/namespaces/faas-${org}/pods/${pod}`, {
    body,
    contentType: "application/merge-patch+json",
  });
  await eventually("its ReplicaSet is denied the deletion", async () => {
    const { items } = await server.api.call<{ items: ClusterEvent[] }>("GET", `/api/v1/namespaces/faas-${org}/events`, {
      query: { fieldSelector: `reason=FailedDelete,involvedObject.name=${name}` },
    });
    return items.some(({ message = "" }) => message.includes("faas is handing the pod over"));
  });
  assert.ok((await server.pods(key)).every(isPresent));
  await server.start();
  await untilCold(server, key);
  assert.equal((await server.request(key)).status, 200);
});

test("an admission policy of a server outside the cluster ends with its organizations", async () => {
  await using server = await ClusterServer.start({ poolSize: 1 });
  const { org } = await serveCold(server, HELLO.node);
  await untilActive(server);
  await server.send("DELETE", `/-/orgs/${org}`);
  const path = await policyPath(server);
  await eventually("the policy is gone", () =>
    server.api.call("GET", path).then(
      () => false,
      () => true,
    ),
  );
});
