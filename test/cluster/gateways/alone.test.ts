import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type ClusterReplica, GatewayCluster } from "@faas/platforms/kubernetes-gateway";
import { ClusterServer } from "../cluster-server.ts";
import { eventually, eventuallyHolds } from "../eventually.ts";
import { GatewayAccount } from "./gateway-account.ts";

/** A gateway's own view of the cluster, and what it does there without a control server. */

const FUNCTION = 'export const handler = () => "here";';

describe("a gateway without a control server", () => {
  let server: ClusterServer;
  let account: GatewayAccount;
  let cluster: GatewayCluster;
  /** Replicas by endpoint, as the gateway sees them. */
  const replicas = new Map<string, readonly ClusterReplica[]>();
  const readyOf = (key: string) => (replicas.get(key) ?? []).filter(({ ready }) => ready);

  before(async () => {
    account = await GatewayAccount.create();
    server = await ClusterServer.start({ namespace: account.namespace });
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    cluster = new GatewayCluster({
      api: account.api,
      instance: account.namespace,
      log,
      endpoint: () => ({ spec: { revision: "" } }),
      onReplicas: (key, all) => void replicas.set(key, all),
    });
    cluster.start();
  });
  after(async () => {
    cluster?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
    await account?.[Symbol.asyncDispose]();
  });

  /** Deploys an endpoint that has no replicas once it is idle, and waits for that. */
  const idle = async () => {
    const key = `${server.org()}/x`;
    // It has had a replica: the API server treats a number of replicas that was never set differently.
    await server.serve(key, FUNCTION, { replicas: 1, idleTimeout: "1s" });
    await eventuallyHolds(
      "no replica is left",
      async () => (await server.pods(key)).length,
      (count) => count === 0,
    );
    return { key, ref: { org: key.split("/")[0] as string, endpoint: "x" } };
  };
  const call = async ({ address }: ClusterReplica) => (await fetch(`http://${address}/`)).text();

  test("starts replicas and finds them, and the control server keeps them when it is back", async () => {
    const { key, ref } = await idle();
    await server.stop();
    cluster.setAlone(true);
    await Promise.all([cluster.wake(ref, 1), cluster.wake(ref, 1)]);
    const [replica] = await eventuallyHolds(
      "a replica is ready",
      () => readyOf(key),
      ({ length }) => length > 0,
    );
    assert.ok(replica);
    assert.equal(await call(replica), "here");
    assert.equal((await server.pods(key)).length, 1);
    await server.start();
    cluster.setAlone(false);
    assert.equal(await server.text(key), "here");
    assert.deepEqual(
      (await server.pods(key)).map(({ metadata }) => metadata?.name),
      [replica.id],
    );
  });

  test("starts replicas that a control server keeps which is there, and stops when they are idle", async () => {
    const { key, ref } = await idle();
    await cluster.wake(ref, 2);
    await server.waitFor(key, "two replicas", ({ replicas: all }) => all.length === 2);
    await eventually("the log says so", () =>
      server.log.find(({ endpoint, msg }) => endpoint === key && /a gateway started replicas/.test(msg)),
    );
    assert.equal(
      server.log.some(({ endpoint, msg }) => endpoint === key && /changed outside/.test(msg)),
      false,
    );
    await eventuallyHolds(
      "they are idle",
      async () => (await server.deployment(key)).spec?.replicas,
      (count) => count === 0,
    );
  });

  test("sees a deleted replica as terminating, and no longer once it is gone", async () => {
    const key = `${server.org()}/x`;
    await server.serve(key, FUNCTION, { replicas: 1, idleTimeout: "never" });
    const [before] = await eventuallyHolds(
      "a replica is ready",
      () => readyOf(key),
      ({ length }) => length === 1,
    );
    const states = () => (replicas.get(key) ?? []).find(({ id }) => id === before?.id);
    await server.api.delete("Pod", `faas-${key.split("/")[0]}`, before?.id as string);
    await eventuallyHolds("it is terminating", states, (state) => state?.terminating === true && !state.ready);
    await eventuallyHolds("it is gone", states, (state) => state === undefined);
  });
});
