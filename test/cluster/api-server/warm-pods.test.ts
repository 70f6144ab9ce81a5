import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterServer } from "../cluster-server.ts";
import { HELLO, serveCold, untilHandedOver } from "../cold-endpoint.ts";
import { ApiProxy } from "./proxy.ts";

test("without the API server, a cold call is answered by the pod that waits, which is handed over later", async () => {
  const proxy = Promise.withResolvers<ApiProxy>();
  await using own = await ClusterServer.start({
    poolSize: 1,
    proxy: async (folder) => {
      const started = await ApiProxy.start(folder);
      proxy.resolve(started);
      return started;
    },
  });
  await using api = await proxy.promise;
  const { key, pod } = await serveCold(own, HELLO.node, "node", { idleTimeout: "20s" });
  await api.refuse();
  assert.equal((await own.request(key)).headers.get("x-cold-start"), "true");
  await api.pass();
  await untilHandedOver(own, key, pod);
});
