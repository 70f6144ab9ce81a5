import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { after, type TestContext, test } from "node:test";
import { dockerConfigFor } from "@faas/builder";
import { registry } from "../cluster.ts";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";

/** Endpoints that follow a tag of a real registry. */

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());

/** Makes a tag name an image that is in the registry already, and returns the image's digest. */
async function moveTag(image: string, tag: string): Promise<string> {
  const [, repository = "", digest = ""] = /^[^/]+\/(.+)@(sha256:.+)$/.exec(image) ?? [];
  const manifests = `http://${registry.push}/v2/${repository}/manifests`;
  const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
  const found = await fetch(`${manifests}/${digest}`, { headers: { accept } });
  assert.equal(found.status, 200);
  const body = Buffer.from(await found.arrayBuffer());
  const contentType = found.headers.get("content-type") ?? "";
  const stored = await fetch(`${manifests}/${tag}`, { method: "PUT", headers: { "content-type": contentType }, body });
  assert.equal(stored.status, 201, await stored.text());
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}

test("an endpoint serves each image that gets its tag, a rollback stays until the next one", async () => {
  const org = server.org();
  const [key, path, tag] = [`${org}/hello`, `/-/orgs/${org}/endpoints/hello`, org];
  const references = await Promise.all(
    ["one", "two", "three"].map(async (text) => {
      const artifact = await server.instance.image(`export const handler = () => ${JSON.stringify(text)};`);
      return artifact.kind === "image" ? artifact.reference : "";
    }),
  );
  const [one = "", two = "", three = ""] = references;
  const tagged = `${one.replace(/@.*$/, "")}:${tag}`;
  const first = await moveTag(one, tag);
  const body = { org, endpoint: "hello", image: tagged, replicas: 1, runtime: "node", follow: true };
  const { status, body: added } = await server.send("POST", "/add_endpoint", body);
  assert.equal(status, 201, JSON.stringify(added));
  assert.equal(await server.text(key), "one");
  assert.equal((await server.view(key)).follow?.digest, first);

  const second = await moveTag(two, tag);
  const serves = async (text: string) =>
    eventually(`${text} is served`, async () => (await server.text(key)) === text, 100_000);
  await serves("two");
  const followed = await server.view(key);
  assert.deepEqual([followed.follow?.digest, followed.follow?.failure], [second, undefined]);
  assert.ok(followed.image.endsWith(`@${second}`), followed.image);

  const rolledBack = await server.send("POST", `${path}/rollback`);
  assert.equal(rolledBack.status, 200, JSON.stringify(rolledBack.body));
  await serves("one");
  const { checkedAt } = (await server.view(key)).follow ?? {};
  const isChecked = async () => (await server.view(key)).follow?.checkedAt !== checkedAt;
  await eventually("the tag is checked again", isChecked, 100_000);
  assert.equal(await server.text(key), "one");

  await moveTag(three, tag);
  await serves("three");
});

/** Starts a registry with a login: the registry of the tests, behind basic authentication. Returns its address. */
async function startPrivateRegistry(t: TestContext, username: string, password: string): Promise<string> {
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const proxy = createServer((incoming, response) => {
    if (incoming.headers.authorization !== expected) {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="private"' }).end();
      return;
    }
    const { authorization: _, ...headers } = incoming.headers;
    const { method = "GET", url = "/" } = incoming;
    const upstream = sendRequest(`http://${registry.push}${url}`, { method, headers }, (found) => {
      response.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(response);
    });
    upstream.once("error", () => response.destroy());
    incoming.pipe(upstream);
  }).listen(0);
  await once(proxy, "listening");
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `localhost:${(proxy.address() as AddressInfo).port}`;
}

test("a tag of a private registry is followed with the registry login of the organization", async (t) => {
  const org = server.org();
  const address = await startPrivateRegistry(t, "robot", "s3cret");
  const artifact = await server.instance.image('export const handler = () => "private";');
  const reference = artifact.kind === "image" ? artifact.reference : "";
  const digest = await moveTag(reference, org);
  const image = `${address}/${reference.replace(/^[^/]+\/|@.*$/g, "")}:${org}`;
  const body = { org, endpoint: "hello", image, replicas: 1, runtime: "node", follow: true };
  const denied = await server.send("POST", "/add_endpoint", body);
  assert.deepEqual([denied.status, denied.problem.code], [403, "REGISTRY_DENIED"], JSON.stringify(denied.body));
  const dockerConfigJson = dockerConfigFor(address, { username: "robot", password: "s3cret" });
  const login = await server.send("PUT", `/-/orgs/${org}/registry-credentials`, { dockerConfigJson });
  assert.ok(login.status < 300, JSON.stringify(login.body));
  const { status, body: added } = await server.send("POST", "/add_endpoint", body);
  assert.equal(status, 201, JSON.stringify(added));
  assert.equal((await server.view(`${org}/hello`)).follow?.digest, digest);
  assert.equal(await server.text(`${org}/hello`), "private");
});
