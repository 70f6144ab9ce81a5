import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { WarmWindow } from "@faas/core";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { ClusterServer } from "../cluster-server.ts";
import { eventuallyHolds } from "../eventually.ts";

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());
const org = server.org();

const sleeps = "export const handler = () => new Promise((done) => setTimeout(() => done('slept'), 300));\n";
const works =
  "export const handler = () => { const end = Date.now() + 20; while (Date.now() < end); return 'done'; };\n";
/** Time for an autoscaler to react: it polls, and so does the metrics server. */
const AUTOSCALED_MS = 120_000;

const autoscaler = (endpoint: string) =>
  server.api.get<KubernetesObject>("HorizontalPodAutoscaler", `faas-${org}`, endpoint);

/** Calls an endpoint repeatedly with several clients until it is disposed of. */
function load(key: string, clients: number) {
  const failed: string[] = [];
  let done = false;
  const calling = Array.from({ length: clients }, async () => {
    while (!done) await server.text(key).catch((error) => failed.push(String(error)));
  });
  return {
    failed,
    async [Symbol.asyncDispose]() {
      done = true;
      await Promise.all(calling);
    },
  };
}

describe("scaling on Kubernetes", { concurrency: true }, () => {
  test("concurrency: adds replicas under load, removes all without, and starts one on the next request", async () => {
    const key = `${org}/concurrency`;
    await server.serve(key, sleeps, { concurrency: 2, maxReplicas: 3, idleTimeout: "3s" });
    {
      await using busy = load(key, 8);
      await server.waitFor(
        key,
        "three ready replicas",
        ({ replicas }) => replicas.filter(({ ready }) => ready).length === 3,
      );
      assert.deepEqual(busy.failed, []);
    }
    await server.waitFor(key, "no replica", ({ replicas, phase }) => replicas.length === 0 && phase === "idle");
    assert.equal(await server.text(key), "slept");
  });

  test("concurrency: 1000 simultaneous requests to an idle endpoint are all answered by one replica", async () => {
    const key = `${org}/crowd`;
    const source = "import { hostname } from 'node:os';\nexport const handler = () => hostname();\n";
    await server.serve(key, source, { maxReplicas: 1, idleTimeout: "1s" });
    await server.waitFor(key, "no replica", ({ replicas, phase }) => replicas.length === 0 && phase === "idle");
    const answers = await Promise.all(Array.from({ length: 1000 }, () => server.text(key)));
    assert.equal(new Set(answers).size, 1, `answered by ${[...new Set(answers)]}`);
  });

  test("cpu: an autoscaler adds replicas, is removed at zero, and is created again on the next request", async () => {
    const key = `${org}/cpu`;
    await server.serve(key, works, { scaler: "cpu", maxReplicas: 3, idleTimeout: "5s" });
    assert.ok(await autoscaler("cpu"));
    {
      await using busy = load(key, 6);
      await server.waitFor(key, "a second replica", ({ replicas }) => replicas.length > 1, AUTOSCALED_MS);
      assert.deepEqual(busy.failed, []);
    }
    await server.waitFor(key, "no replica", ({ replicas, phase }) => replicas.length === 0 && phase === "idle");
    await eventuallyHolds(
      "the autoscaler is removed",
      () => autoscaler("cpu"),
      (found) => found === undefined,
    );
    assert.equal(await server.text(key), "done");
    await eventuallyHolds(
      "the autoscaler is created again",
      () => autoscaler("cpu"),
      (found) => found !== undefined,
    );
  });

  for (const scaler of ["concurrency", "cpu"] as const) {
    test(`${scaler}: has the replicas of an open warm window without a request, until the window is removed`, async () => {
      const key = `${org}/warm-${scaler}`;
      const change = async (warm: readonly WarmWindow[]) => {
        const body = { settings: { warm } };
        const { status, problem } = await server.send("PUT", `/-/orgs/${org}/endpoints/warm-${scaler}`, body);
        assert.equal(status, 200, problem.detail);
      };
      await server.serve(key, works, { scaler, maxReplicas: 3, idleTimeout: "2s" });
      await server.waitFor(key, "no replica", ({ replicas, phase }) => replicas.length === 0 && phase === "idle");
      await change([{ cron: "* * * * *", timeZone: "UTC", for: "1h", replicas: 2 }]);
      await server.waitFor(
        key,
        "two ready replicas",
        ({ replicas }) => replicas.filter(({ ready }) => ready).length === 2,
      );
      const found = (await autoscaler(`warm-${scaler}`)) as { spec?: { minReplicas?: number } } | undefined;
      assert.equal(found?.spec?.minReplicas, scaler === "cpu" ? 2 : undefined);
      await change([]);
      await server.waitFor(key, "no replica", ({ replicas, phase }) => replicas.length === 0 && phase === "idle");
    });
  }

  test("fixed: keeps the number of replicas, with and without load", async () => {
    const key = `${org}/fixed`;
    await server.serve(key, sleeps, { scaler: "fixed", replicas: 2, concurrency: 1 });
    await server.waitFor(
      key,
      "two ready replicas",
      ({ replicas }) => replicas.filter(({ ready }) => ready).length === 2,
    );
    {
      await using busy = load(key, 8);
      // Takes longer than adding a replica would.
      for (let call = 0; call < 10; call++) await server.text(key);
      assert.deepEqual(busy.failed, []);
    }
    assert.equal((await server.view(key)).replicas.length, 2);
  });
});
