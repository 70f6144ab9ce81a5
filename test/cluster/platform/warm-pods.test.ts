import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Artifact, Language, SettingsInput } from "@faas/core";
import type { V1Pod, V1ReplicaSet } from "@kubernetes/client-node";
import { ClusterServer, SOURCE_FILES } from "../cluster-server.ts";
import { eventually, eventuallyHolds } from "../eventually.ts";

/** A cold endpoint is started in a pod that waits for a function, which becomes an ordinary replica. */

const WARM = "faas/warm";

type Pod = V1Pod & { readonly kind: "Pod" };

const HELLO: Readonly<Record<Language, string>> = {
  node: 'export const handler = () => ({ dir: import.meta.dirname, user: process.env.GREETING, warm: process.env.FAAS_WARM ?? "" });',
  typescript:
    'export const handler = (): object => ({ dir: import.meta.dirname, user: process.env.GREETING, warm: process.env.FAAS_WARM ?? "" });',
  python: [
    "import os",
    "def handler(event, context):",
    '    return {"dir": os.path.dirname(__file__), "user": os.environ.get("GREETING"), "warm": os.environ.get("FAAS_WARM", "")}',
  ].join("\n"),
};

describe("warm pods", { concurrency: 3 }, () => {
  let server: ClusterServer;
  before(async () => {
    server = await ClusterServer.start({ poolSize: 1 });
  });
  after(() => server[Symbol.asyncDispose]());

  /** Builds an image, and uploads the code for warm pods. */
  async function build(on: ClusterServer, org: string, source: string, language: Language): Promise<Artifact> {
    return on.instance.imageOf(
      { [SOURCE_FILES[language]]: source },
      {
        org,
        uploadCode: async ({ digest, tar }) => {
          const headers = { "content-type": "application/x-tar" };
          const url = `${on.url}/-/bundles/${digest}?org=${org}`;
          const { status } = await fetch(url, { method: "PUT", headers, body: new Uint8Array(tar) });
          assert.ok(status < 300, `the upload was answered with ${status}`);
        },
      },
    );
  }

  /** Deploys an endpoint that soon has no replica, and waits for its warm pod. */
  async function serveCold(
    on: ClusterServer,
    source: string,
    language: Language = "node",
    settings: SettingsInput = {},
  ) {
    const org = on.org();
    const key = `${org}/hello`;
    await on.serve(key, await build(on, org, source, language), { runtime: language, idleTimeout: "1s", ...settings });
    await untilCold(on, key);
    return { org, key, pod: await untilWaiting(on, org) };
  }

  const untilCold = (on: ClusterServer, key: string) =>
    eventuallyHolds(
      "the endpoint has no pod",
      () => on.pods(key),
      (pods) => pods.length === 0,
    );

  const listWaiting = (on: ClusterServer, org: string) => on.api.list<Pod>("Pod", `faas-${org}`, WARM);

  const isReady = ({ status, metadata }: V1Pod) =>
    metadata?.deletionTimestamp === undefined &&
    status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True");

  const untilWaiting = (on: ClusterServer, org: string, other = ""): Promise<string> =>
    eventually("a warm pod waits", async () =>
      (await listWaiting(on, org))
        .filter(isReady)
        .map(({ metadata }) => metadata?.name ?? "")
        .find((name) => name !== other),
    );

  const ownerOf = (pod: V1Pod | undefined) => pod?.metadata?.ownerReferences?.[0]?.name;

  for (const language of ["node", "typescript", "python"] as const)
    test(`a ${language} function starts in the pod that waited, with its own folder and variables`, async () => {
      const { key, pod } = await serveCold(server, HELLO[language], language, { env: { GREETING: "hi" } });
      const response = await server.request(key);
      assert.equal(response.headers.get("x-cold-start"), "true");
      assert.deepEqual(await response.json(), { dir: "/app", user: "hi", warm: "" });
      const { replicas } = await server.view(key);
      assert.deepEqual(
        replicas.map(({ id }) => id),
        [pod],
      );
    });

  test("the pod becomes the only one of the endpoint's ReplicaSet, and is replaced", async () => {
    const { org, key, pod } = await serveCold(server, HELLO.node);
    await server.text(key);
    const [adopted] = await eventuallyHolds(
      "the pod is the only one",
      () => server.pods(key),
      (pods) => pods.length === 1 && (ownerOf(pods[0])?.startsWith("hello-") ?? false),
    );
    assert.equal(adopted?.metadata?.name, pod);
    const owner = ownerOf(adopted) ?? "";
    const set = await server.api.get<V1ReplicaSet & { kind: "ReplicaSet" }>("ReplicaSet", `faas-${org}`, owner);
    assert.equal(set?.metadata?.labels?.["faas/endpoint"], "hello");
    await untilWaiting(server, org, pod);
    // It gives way like any other replica.
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
    const next = await untilWaiting(server, org, pod);
    await server.request(`${key}/exit`, { method: "POST" });
    assert.equal(await server.text(key), "up");
    const { replicas } = await server.view(key);
    assert.deepEqual(
      replicas.filter(({ ready }) => ready).map(({ id }) => id),
      [next],
    );
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
