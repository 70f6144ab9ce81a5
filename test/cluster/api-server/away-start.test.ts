import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ClusterServer } from "../cluster-server.ts";
import { until } from "../until.ts";
import { ApiProxy } from "./proxy.ts";

/** A server that is started while the API server is away, as after a power cut: it says so, and goes on trying. */

const HERE = 'export const handler = () => "here";';

describe("a server that starts before its cluster", { concurrency: false }, () => {
  for (const [how, away] of [
    ["refuses connections", (proxy: ApiProxy) => proxy.refuse()],
    ["says nothing", (proxy: ApiProxy) => proxy.silence()],
  ] as const)
    test(`that ${how}: it lives, is not ready and says why, and serves when the cluster is back`, async () => {
      let between: ApiProxy | undefined;
      await using control = await ClusterServer.start({
        between: async (folder) => {
          between = await ApiProxy.start(folder);
          return between;
        },
      });
      await using proxy = between as unknown as ApiProxy;
      const org = control.instance.org();
      const path = `/-/orgs/${org}/endpoints/x`;
      const artifact = await control.instance.image(HERE);
      const { revision } = await control.deploy(`${org}/x`, artifact);
      await control.stop();
      await away(proxy);
      const began = Date.now();
      await control.start();
      assert.ok(Date.now() - began < 15_000, `it took ${Date.now() - began} ms to start`);

      assert.equal((await control.send("GET", "/-/healthz")).status, 200);
      const unready = await control.send("GET", "/-/readyz");
      assert.deepEqual([unready.status, unready.problem.code], [503, "CLUSTER_UNREACHABLE"]);
      assert.match(unready.problem.detail, /^The Kubernetes API server at \S+ /);
      // What is registered is known, and cannot be started or changed.
      assert.equal((await control.send("GET", path)).body.revision, revision);
      const asked = Date.now();
      const call = await fetch(`${control.url}/${org}/x`);
      assert.deepEqual([call.status, call.headers.get("retry-after")], [503, "1"]);
      assert.equal(((await call.json()) as { code: string }).code, "CLUSTER_UNREACHABLE");
      for (const [method, body] of [["PUT", { artifact, settings: { env: { NEXT: "yes" } } }], ["DELETE"]] as const) {
        const { status, problem } = await control.send(method, path, body);
        assert.deepEqual([status, problem.code], [503, "CLUSTER_UNREACHABLE"]);
      }
      assert.ok(Date.now() - asked < 2_000, "nobody waits for the cluster");
      assert.equal((await control.send("GET", path)).body.revision, revision);

      await proxy.pass();
      await until("it is ready", async () =>
        (await control.send("GET", "/-/readyz")).status === 200 ? true : undefined,
      );
      assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "here" });
      const next = await control.deploy(
        `${org}/x`,
        await control.instance.image('export const handler = () => "next";'),
      );
      assert.deepEqual([next.phase, next.failure], ["ready", undefined]);
      assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "next" });
      const said = control.log.filter(({ msg }) => /cluster does not answer|cluster is reached/.test(msg));
      assert.deepEqual(
        said.map(({ level }) => level),
        [40, 30],
      );
    });
});
