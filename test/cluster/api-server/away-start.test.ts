import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";
import { ApiProxy } from "./proxy.ts";

/** A server that starts while the API server is down, as after a power cut. */

const HERE = 'export const handler = () => "here";';

describe("a server that starts before its cluster", { concurrency: false }, () => {
  for (const [how, takeDown] of [
    ["refuses connections", (proxy: ApiProxy) => proxy.refuse()],
    ["is silent", (proxy: ApiProxy) => proxy.silence()],
  ] as const)
    test(`is alive but not ready while the cluster ${how}, and serves when the cluster is back`, async () => {
      let started: ApiProxy | undefined;
      await using control = await ClusterServer.start({
        proxy: async (folder) => {
          started = await ApiProxy.start(folder);
          return started;
        },
      });
      await using proxy = started as unknown as ApiProxy;
      const org = control.instance.org();
      const path = `/-/orgs/${org}/endpoints/x`;
      const artifact = await control.instance.image(HERE);
      const { revision } = await control.deploy(`${org}/x`, artifact);
      await control.stop();
      await takeDown(proxy);
      await control.start();

      assert.equal((await control.send("GET", "/-/healthz")).status, 200);
      const unready = await control.send("GET", "/-/readyz");
      assert.deepEqual([unready.status, unready.problem.code], [503, "CLUSTER_UNREACHABLE"]);
      assert.match(unready.problem.detail, /^The Kubernetes API server at \S+ /);
      // Endpoints are known, but cannot be started or changed.
      assert.equal((await control.send("GET", path)).body.revision, revision);
      const startedAt = performance.now();
      const call = await fetch(`${control.url}/${org}/x`);
      assert.deepEqual([call.status, call.headers.get("retry-after")], [503, "1"]);
      assert.equal(((await call.json()) as { code: string }).code, "CLUSTER_UNREACHABLE");
      for (const [method, body] of [["PUT", { artifact, settings: { env: { NEXT: "yes" } } }], ["DELETE"]] as const) {
        const { status, problem } = await control.send(method, path, body);
        assert.deepEqual([status, problem.code], [503, "CLUSTER_UNREACHABLE"]);
      }
      // Each request would wait for at least 4 s for the cluster.
      assert.ok(performance.now() - startedAt < 12_000, "requests do not wait for the cluster");
      assert.equal((await control.send("GET", path)).body.revision, revision);

      await proxy.pass();
      await eventually("the server is ready", async () => (await control.send("GET", "/-/readyz")).status === 200);
      assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "here" });
      const next = await control.deploy(
        `${org}/x`,
        await control.instance.image('export const handler = () => "next";'),
      );
      assert.deepEqual([next.phase, next.failure], ["ready", undefined]);
      assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "next" });
      const records = control.log.filter(({ msg }) => /cluster does not answer|connected to the cluster/.test(msg));
      assert.deepEqual(
        records.map(({ level }) => level),
        [40, 30],
      );
    });
});
