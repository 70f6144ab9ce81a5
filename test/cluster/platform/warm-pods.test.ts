import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { V1ReplicaSet } from "@kubernetes/client-node";
import { killProcesses } from "../../faults/pod-processes.ts";
import { ClusterServer } from "../cluster-server.ts";
import {
  build,
  findWaiting,
  HELLO,
  listWaiting,
  type Pod,
  replicaOf,
  serveCold,
  untilCold,
  untilHandedOver,
  untilWaiting,
} from "../cold-endpoint.ts";
import { eventually, eventuallyHolds } from "../eventually.ts";

/** A cold endpoint is started in a pod that waits for a function, which becomes an ordinary replica. */

describe("warm pods", { concurrency: 3 }, () => {
  let server: ClusterServer;
  before(async () => {
    server = await ClusterServer.start({ poolSize: 1 });
  });
  after(() => server[Symbol.asyncDispose]());

  for (const language of ["node", "typescript", "python"] as const)
    test(`a ${language} function starts in the pod that waited, with its own folder and variables`, async () => {
      const { key, pod } = await serveCold(server, HELLO[language], language, { env: { GREETING: "hi" } });
      const response = await server.request(key);
      assert.equal(response.headers.get("x-cold-start"), "true");
      assert.deepEqual(await response.json(), { dir: "/app", user: "hi", warm: "" });
      assert.equal(replicaOf(response), pod);
    });

  test("the pod becomes the only one of the endpoint's ReplicaSet, and is replaced", async () => {
    const { org, key, pod } = await serveCold(server, HELLO.node, "node", { idleTimeout: "5s" });
    await server.text(key);
    const owner = await untilHandedOver(server, key, pod);
    const set = await server.api.get<V1ReplicaSet & { kind: "ReplicaSet" }>("ReplicaSet", `faas-${org}`, owner);
    assert.equal(set?.metadata?.labels?.["faas/endpoint"], "hello");
    await untilWaiting(server, org, pod);
    // It is stopped as every idle replica is.
    await untilCold(server, key);
  });

  test("the pod gets the limits and requests of its endpoint without a restart", async () => {
    const { key } = await serveCold(server, HELLO.node, "node", { cpu: "200m", memory: "256Mi", idleTimeout: "10s" });
    await server.text(key);
    const resources = await eventuallyHolds(
      "the node enforces them",
      async () => (await server.pods(key))[0]?.status?.containerStatuses?.[0],
      (status) => status?.resources?.limits?.cpu === "200m" && status.resources.requests?.memory === "64Mi",
    );
    assert.equal(resources?.resources?.requests?.cpu, "50m");
    assert.equal(resources?.resources?.limits?.memory, "256Mi");
    assert.equal(resources?.restartCount, 0);
  });

  test("a function that fails to load there is reported as in any other pod", async () => {
    // A new pod loads it within less time.
    const source = 'if (process.uptime() > 20) throw new Error("no luck");\nexport const handler = () => "up";';
    const { key, org, pod } = await serveCold(server, source);
    const startedMs = async () => {
      const found = await server.api.get<Pod>("Pod", `faas-${org}`, pod);
      return Number(new Date(found?.status?.containerStatuses?.[0]?.state?.running?.startedAt ?? Date.now()));
    };
    await eventually("the pod is old enough", async () => Date.now() - (await startedMs()) > 21_000);
    const { status, text } = await server.call(key);
    assert.equal(status, 502);
    assert.match(text, /FUNCTION_LOAD_FAILED.*no luck/s);
  });

  test("code in a warm pod cannot be changed by the function", async () => {
    const source = [
      'import { writeFileSync } from "node:fs";',
      "export const handler = () => {",
      '  try { writeFileSync(import.meta.filename, ""); return "written"; } catch (error) { return error.code; }',
      "};",
    ].join("\n");
    const { key } = await serveCold(server, source);
    assert.equal(await server.text(key), "EACCES");
  });

  test("an endpoint with a variable that Node reads at its start gets no warm pod", async () => {
    const org = server.org();
    const key = `${org}/hello`;
    const artifact = await build(server, org, HELLO.node, "node");
    await server.serve(key, artifact, { runtime: "node", idleTimeout: "1s", env: { TZ: "UTC" } });
    await untilCold(server, key);
    assert.deepEqual(await listWaiting(server, org), []);
    assert.equal(await server.call(key).then(({ status }) => status), 200);
  });

  test("a replica that exits is replaced by the pod that waits", async () => {
    const source = 'export const handler = ({ path }) => (path === "/exit" ? process.exit(3) : "up");';
    const { key, org, pod } = await serveCold(server, source, "node", { idleTimeout: "10s" });
    assert.equal(await server.text(key), "up");
    await untilHandedOver(server, key, pod);
    const next = await eventually("another pod waits, while the endpoint does not become idle", async () => {
      await server.text(key);
      return findWaiting(server, org, pod);
    });
    await server.request(`${key}/exit`, { method: "POST" });
    assert.equal(replicaOf(await server.request(key)), next);
  });

  test("the last endpoint takes the warm pods with it", async () => {
    const { key, org } = await serveCold(server, HELLO.node);
    await server.send("DELETE", `/-/orgs/${org}/endpoints/${key.split("/")[1]}`);
    await eventuallyHolds(
      "no warm pod is left",
      () => listWaiting(server, org),
      (pods) => pods.length === 0,
    );
  });

  test("a pod that got a function from a server that then ended is replaced", async () => {
    await using own = await ClusterServer.start({ poolSize: 1 });
    const { key, org, pod } = await serveCold(own, HELLO.node);
    await own.stop();
    await claim(own, org, pod);
    await own.start();
    const next = await untilWaiting(own, org, pod);
    await eventuallyHolds(
      "the pod is gone",
      () => listWaiting(own, org),
      (pods) => pods.every(({ metadata }) => metadata?.name !== pod),
    );
    assert.equal((await own.request(key)).status, 200);
    assert.notEqual(next, pod);
  });

  test("a replica whose container was restarted while there was no server has its function again", async () => {
    await using own = await ClusterServer.start({ poolSize: 1 });
    const { key, org, pod } = await serveCold(own, HELLO.node, "node", { idleTimeout: "20s" });
    await own.text(key);
    await untilHandedOver(own, key, pod);
    await own.stop();
    const running = (await own.api.get<Pod>("Pod", `faas-${org}`, pod)) as Pod;
    await killProcesses(running);
    await eventually("the container was restarted", async () => {
      const [status] = (await own.api.get<Pod>("Pod", `faas-${org}`, pod))?.status?.containerStatuses ?? [];
      return status?.restartCount === 1 && status.state?.running !== undefined;
    });
    await eventually("the pod answers while there is no server", async () => {
      const response = await fetch(`http://${running.status?.podIP}:8080/`);
      return response.status === 200;
    });
    await own.start();
    // The name of a replica has the number of restarts.
    assert.equal(replicaOf(await own.request(key)), `${pod}.1`);
  });

  test("a call whose pod is killed while it loads the function is answered by another one", async () => {
    const source =
      "await new Promise((resolve) => setTimeout(resolve, 3000));\nexport const handler = () => process.env.HOSTNAME;";
    const { key, org, pod } = await serveCold(server, source);
    const call = server.call(key);
    await server.waitFor(key, "the pod has the function", ({ replicas }) => replicas.some(({ id }) => id === pod));
    await server.api.delete("Pod", `faas-${org}`, pod, undefined, 0);
    const { status, text } = await call;
    assert.equal(status, 200, text);
    assert.notEqual(text, pod);
  });

  /** Gives a pod an empty function, as a server does that ends before it hands the pod over. */
  async function claim(on: ClusterServer, org: string, name: string): Promise<void> {
    const pod = await on.api.get<Pod>("Pod", `faas-${org}`, name);
    const secret = Buffer.from(await readFile(join(on.dataDir, "warm-pool.secret"), "latin1"), "hex");
    const image = pod?.spec?.containers[0]?.image;
    const token = createHmac("sha256", secret).update(`${org} ${image}`).digest("hex");
    const content = 'export const handler = () => "stray";';
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const files = [{ path: "index.mjs", mode: 0o644, size: content.length }];
    const head = JSON.stringify({ folder: "/app", env: { FAAS_CONCURRENCY: "1" }, digest, files });
    const response = await fetch(`http://${pod?.status?.podIP}:8080/-/claim`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: `${head}\n${content}`,
    });
    assert.equal(response.status, 200, await response.text());
  }
});
