import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { text as readText } from "node:stream/consumers";
import { test } from "node:test";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Hostnames of endpoints, through the HTTP interface: allowed by an admin, owned by one endpoint, served at the root. */

const server = await testControl({ auth: true });
const bundle = await functionBundle(
  "export const handler = ({ path, headers }) => path + ' ' + headers['x-forwarded-prefix'];\n",
);
assert.equal((await server.upload(bundle)).status, 201);
const artifact = { kind: "bundle", digest: digestOf(bundle) };

const path = (key: string) => `/-/orgs/${key.replace("/", "/endpoints/")}`;
const deploy = (key: string, hostnames: readonly string[], token?: string) =>
  server.send("PUT", path(key), { artifact, settings: { visibility: "public", hostnames } }, token);
const allow = async (org: string, hostnames: readonly string[] | null) =>
  assert.ok((await server.send("PUT", `/-/orgs/${org}`, { limits: { hostnames } })).status < 300);

/** Sends a request to the server's address with another host. */
async function callAt(host: string, target = "/") {
  const { port } = new URL(server.url);
  const request = httpRequest({ host: "127.0.0.1", port, path: target, headers: { host }, agent: false });
  request.end();
  const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) =>
    request.on("response", resolve).on("error", reject),
  );
  return [response.statusCode, await readText(response)] as const;
}

test("an organization needs an entry for a hostname, and the error says what to ask the admin", async () => {
  const none = await deploy("closed/x", ["api.example.com"]);
  assert.deepEqual([none.status, none.problem.code], [403, "HOSTNAME_NOT_ALLOWED"]);
  assert.match(none.problem.detail, /no hostname is allowed.*faas org limit closed --hostnames 'api.example.com'$/);
  await allow("closed", ["*.example.com"]);
  for (const name of ["example.com", "a.b.example.com", "api.example.org"]) {
    const { problem } = await deploy("closed/x", ["api.example.com", name]);
    assert.equal(problem.code, "HOSTNAME_NOT_ALLOWED", name);
    assert.match(problem.detail, new RegExp(`may not use ${name}: it may use \\*\\.example\\.com\\.`));
  }
  const token = await server.key("closed", "deploy");
  assert.equal((await server.send("PUT", "/-/orgs/closed", { limits: { hostnames: ["a.b"] } }, token)).status, 403);
  assert.equal((await server.send("GET", path("closed/x"))).status, 404);
});

test("an endpoint answers at the root of its hostnames and below its path", async () => {
  await allow("acme", ["*.acme.example", "shop.example"]);
  const { status, body } = await deploy("acme/shop", ["Shop.Example.", "www.acme.example"]);
  assert.equal(status, 201);
  await server.send("GET", `${path("acme/shop")}?wait=${body.revision}`);
  const view = (await server.send("GET", path("acme/shop"))).body;
  assert.deepEqual(view.settings.hostnames, ["shop.example", "www.acme.example"]);
  assert.equal(view.url, `${server.url}/acme/shop`);
  for (const host of ["shop.example", "SHOP.example:8887", "www.acme.example.", "shop.acme.localhost"])
    assert.deepEqual(await callAt(host, "/a/b"), [200, "/a/b undefined"], host);
  assert.deepEqual(await callAt("other.example", "/acme/shop/a"), [200, "/a /acme/shop"]);
  assert.match((await callAt("other.example", "/-/healthz"))[1], /"ok"|ok/);
  assert.deepEqual((await server.send("GET", "/-/orgs/acme")).body.use.hostnames, ["shop.example", "www.acme.example"]);
});

test("a hostname belongs to one endpoint; only callers who can see that endpoint learn its name", async () => {
  await allow("first", ["taken.example"]);
  await allow("second", ["taken.example"]);
  assert.equal((await deploy("first/x", ["taken.example"])).status, 201);
  const token = await server.key("second", "deploy");
  await server.upload(bundle, artifact.digest, token);
  const foreign = await deploy("second/x", ["taken.example"], token);
  assert.deepEqual([foreign.status, foreign.problem.code], [409, "HOSTNAME_TAKEN"]);
  assert.doesNotMatch(JSON.stringify(foreign.problem), /first/);
  const admin = await deploy("second/x", ["taken.example"]);
  assert.match(admin.problem.detail, /taken\.example belongs to first\/x/);
  const sibling = await deploy("first/y", ["taken.example"], await server.key("first", "deploy"));
  assert.match(sibling.problem.detail, /taken\.example belongs to first\/x/);
});

test("one of two simultaneous deployments gets the hostname", async () => {
  for (const org of ["left", "right"]) await allow(org, ["race.example"]);
  const both = await Promise.all(["left/x", "right/x"].map((key) => deploy(key, ["race.example"])));
  assert.deepEqual(both.map(({ status }) => status).sort(), [201, 409]);
});

test("a hostname is free again after a deployment without it, and after the endpoint's removal", async () => {
  for (const org of ["old", "new"]) await allow(org, ["moved.example"]);
  const deployed = async (key: string, hostnames: readonly string[]) => {
    const { status, body } = await deploy(key, hostnames);
    assert.ok(status < 300, JSON.stringify(body));
    await server.send("GET", `${path(key)}?wait=${body.revision}`);
  };
  await deployed("old/x", ["moved.example"]);
  await deployed("old/x", []);
  assert.equal((await callAt("moved.example"))[0], 404);
  await deployed("new/x", ["moved.example"]);
  assert.equal((await callAt("moved.example"))[0], 200);
  assert.equal((await server.send("DELETE", path("new/x"))).status, 204);
  assert.equal((await callAt("moved.example"))[0], 404);
  await deployed("old/x", ["moved.example"]);
  assert.equal((await server.send("DELETE", "/-/orgs/old")).status, 204);
  await deployed("new/x", ["moved.example"]);
});

test("an endpoint keeps its hostname when the entry is removed, until its next deployment", async () => {
  await allow("revoked", ["kept.example"]);
  const { body } = await deploy("revoked/x", ["kept.example"]);
  await server.send("GET", `${path("revoked/x")}?wait=${body.revision}`);
  await allow("revoked", null);
  assert.equal((await callAt("kept.example"))[0], 200);
  assert.equal((await deploy("revoked/x", ["kept.example"])).problem.code, "HOSTNAME_NOT_ALLOWED");
  assert.equal((await callAt("kept.example"))[0], 200);
});

test("an endpoint cannot have the host by which the server is reached", async () => {
  await allow("greedy", ["server.example"]);
  const { port } = new URL(server.url);
  const headers = { host: `server.example:${port}`, authorization: `Bearer ${server.adminToken}` };
  const request = httpRequest({
    ...{ host: "127.0.0.1", port, agent: false, method: "PUT", path: path("greedy/x") },
    headers: { ...headers, "content-type": "application/json" },
  });
  request.end(JSON.stringify({ artifact, settings: { hostnames: ["server.example"] } }));
  const response = await new Promise<import("node:http").IncomingMessage>((resolve) => request.on("response", resolve));
  const { code, detail } = JSON.parse(await readText(response));
  assert.deepEqual(
    [code, detail],
    ["HOSTNAME_TAKEN", "The hostname server.example is that of the server itself: choose another"],
  );
});
