import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, type TestContext, test } from "node:test";
import { type EndpointView, PROBLEM_MEDIA_TYPE } from "@faas/core";
import { connectDocker } from "../../../packages/builder/src/docker/engine.ts";
import type { Test } from "../../../packages/cli/src/testing/test-cli.ts";
import { testServer } from "../../../packages/cli/src/testing/test-server.ts";
import { registry, uniqueName } from "../cluster.ts";
import { eventually } from "../eventually.ts";

/** `faas deploy` of functions that warm pods can run. */

const answers = (answer: string) => `export const handler = () => "${answer} of ${org}";\n`;
const org = uniqueName("warm");
const env = Object.fromEntries(
  ["DOCKER_HOST", "DOCKER_CONFIG", "HOME"].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
) as Record<string, string>;

const server = await testServer({ kubernetes: { registry } });

after(async () => {
  await server.run({ after: () => {} }, ["remove", "--all", org, "--yes"]).catch(() => {});
  const docker = await connectDocker();
  for (const { Id } of await docker.listImages({ filters: { label: [`faas.org=${org}`] } }))
    await docker.getImage(Id).remove({ force: true });
});

/** Deploys a folder, and returns what the command printed. */
async function deploy(
  t: Test,
  folder: string,
  endpoint: string,
  url = server.url,
  ...more: readonly string[]
): Promise<string> {
  const argv = ["deploy", folder, "--org", org, "--endpoint", endpoint, ...more];
  const { code, stderr } = await server.run(t, argv, { env: { ...env, FAAS_SERVER: url } });
  assert.equal(code, 0, stderr);
  return stderr;
}

async function describe(t: Test, endpoint: string): Promise<EndpointView> {
  return JSON.parse((await server.run(t, ["describe", `${org}/${endpoint}`, "-o", "json"])).stdout);
}

const call = async (endpoint: string) => (await fetch(`${server.url}/${org}/${endpoint}`)).text();

/**
 * Starts a proxy of the server that rejects warm parts: as a server that does not know them, or as one that has lost the code.
 */
async function rejectingServer(t: TestContext, reason: "older" | "lost"): Promise<string> {
  const rejection =
    reason === "older"
      ? { status: 400, code: "INVALID_REQUEST", title: "Invalid request", detail: 'unknown field "warm"' }
      : { status: 404, code: "BUNDLE_NOT_FOUND", title: "Bundle not found", detail: "no such code" };
  const { hostname, port } = new URL(server.url);
  const proxy = createServer(async (incoming, response) => {
    const body = await text(incoming);
    const isRejected = incoming.method === "PUT" && body.includes('"warm"');
    if (isRejected) {
      response.writeHead(rejection.status, { "Content-Type": PROBLEM_MEDIA_TYPE });
      response.end(JSON.stringify({ type: "about:blank", requestId: "r", ...rejection }));
      return;
    }
    const { method, url: path } = incoming;
    const headers = { ...incoming.headers, host: new URL(server.url).host };
    const upstream = request({ hostname, port, method, path, headers });
    upstream.end(body);
    const [answer] = await once(upstream, "response");
    const received = await text(answer);
    response.writeHead(answer.statusCode, { "Content-Type": answer.headers["content-type"] ?? "" });
    if (path !== "/-/config" || reason === "lost") return void response.end(received);
    const { warmImages, ...config } = JSON.parse(received);
    assert.equal(warmImages, true);
    response.end(JSON.stringify(config));
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

test("a deployed function has an image for warm pods and its code on the server, which a settings change keeps", async (t) => {
  const folder = await server.source("kept", answers("kept"));
  await deploy(t, folder, "kept");
  const { warm } = await describe(t, "kept");
  assert.match(warm?.image ?? "", new RegExp(`^${registry.pull}/${org}/warm_node@sha256:[0-9a-f]{64}$`));
  assert.equal((await fetch(`${server.url}/-/bundles/${warm?.code}`, { method: "HEAD" })).status, 200);
  const { code, stderr } = await server.run(t, ["config", `${org}/kept`, "timeout=9s"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual((await describe(t, "kept")).warm, warm);
  assert.equal(await call("kept"), `kept of ${org}`);
});

test("a changed line changes the code, and not the image for warm pods", async (t) => {
  const folder = await server.source("changed", answers("one"));
  await deploy(t, folder, "changed");
  const { warm: before } = await describe(t, "changed");
  await writeFile(join(folder, "index.mjs"), answers("two"));
  await deploy(t, folder, "changed");
  const { warm } = await describe(t, "changed");
  assert.equal(warm?.image, before?.image);
  assert.notEqual(warm?.code, before?.code);
  assert.equal(await call("changed"), `two of ${org}`);
});

for (const [language, files] of [
  [
    "Node",
    {
      "package.json": '{"type":"module","dependencies":{"ms":"2.1.3"}}',
      "index.mjs": 'import ms from "ms";\nexport const handler = () => ms("2s") + " at " + import.meta.filename;\n',
    },
  ],
  [
    "Python",
    {
      "requirements.txt": "six==1.17.0\n",
      "main.py": "import six\ndef handler(event, context):\n    return six.ensure_str(b'2000') + ' at ' + __file__\n",
    },
  ],
] as const)
  test(`a ${language} function with dependencies starts in a warm pod, with its code where it is in the image`, async (t) => {
    const endpoint = `packages-${language.toLowerCase()}`;
    const folder = join(server.folder, endpoint);
    await mkdir(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    await deploy(t, folder, endpoint, server.url, "--idle-timeout", "100ms");
    const main = language === "Node" ? "index.mjs" : "main.py";
    assert.equal((await describe(t, endpoint)).warm?.hasDependencies, true);
    await eventually("a cold call is answered by a warm pod", async () => {
      await eventually("it is idle", async () => (await describe(t, endpoint)).replicas.length === 0);
      const response = await fetch(`${server.url}/${org}/${endpoint}`);
      assert.equal(await response.text(), `2000 at /app/${main}`);
      return /replica;desc="?faas-warm-/.test(response.headers.get("server-timing") ?? "");
    });
  });

test("an older server gets the image alone; deployed to a newer one, the same revision gets the warm part", async (t) => {
  const folder = await server.source("older", answers("older"));
  await deploy(t, folder, "older", await rejectingServer(t, "older"));
  const first = await describe(t, "older");
  assert.equal(first.warm, undefined);
  assert.match(await deploy(t, folder, "older"), /^Unchanged: revision/m);
  const second = await describe(t, "older");
  assert.ok(second.warm);
  assert.deepEqual([second.revision, second.image], [first.revision, first.image]);
  assert.deepEqual(
    second.replicas.map(({ id }) => id),
    first.replicas.map(({ id }) => id),
  );
  assert.equal(await call("older"), `older of ${org}`);
});

test("code that the server has lost during the push leaves a deployment without warm pods", async (t) => {
  const folder = await server.source("lost", answers("lost"));
  await deploy(t, folder, "lost", await rejectingServer(t, "lost"));
  assert.equal((await describe(t, "lost")).warm, undefined);
  assert.equal(await call("lost"), `lost of ${org}`);
});

test("code above the organization's limit of stored bytes leaves a deployment without warm pods, and a warning", async (t) => {
  await server.run(t, ["org", "limit", org, "--bundle-bytes", "1Ki"]);
  t.after(() => server.run({ after: () => {} }, ["org", "limit", org, "--bundle-bytes", "none"]));
  const folder = await server.source("limited", answers("limited"));
  assert.match(await deploy(t, folder, "limited"), /warning: cold starts use no warm pods: .*the limit is 1Ki/i);
  assert.equal((await describe(t, "limited")).warm, undefined);
  assert.equal(await call("limited"), `limited of ${org}`);
});
