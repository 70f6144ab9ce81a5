import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type EndpointSpec, FaasError, withDefaults } from "@faas/core";
import { eventually, tempDir } from "@faas/testing";
import { declaredResponses } from "../testing/response-check.ts";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";
import type { Permissions } from "./permissions.ts";
import type { RouteRequest } from "./route.ts";
import { createRoutes, type RoutesDeps } from "./routes/index.ts";

const bundle = await functionBundle("export const handler = () => { console.log('called'); return 'hello'; };\n");
const digest = digestOf(bundle);
const artifact = { kind: "bundle", digest };

/** Responses that a server on one machine cannot send, which the tests below have, and those to signed requests, events and agents, which have tests of their own. */
const ELSEWHERE = [
  "get /-/readyz 503",
  "put /-/orgs/{org}/registry-credentials 204",
  "get /-/orgs/{org}/endpoints/{endpoint}/manifests 200",
  "post /-/hooks/{org}/{hook} 200",
  "post /-/orgs/{org}/events 202",
  "post /-/orgs/{org}/mcp 200",
  "post /-/orgs/{org}/mcp 202",
  "get /-/orgs/{org}/mcp 200",
];

test("the server sends every response that its routes declare, with the declared body", async () => {
  const hookToken = "0123456789abcdef";
  const registryHookTokenFile = join(tempDir("hook"), "token");
  writeFileSync(registryHookTokenFile, hookToken);
  const server = await testControl({ auth: true, registryHookTokenFile });
  // `send` compares each response with the declaration of its route.
  const send = async (status: number, method: string, path: string, body?: unknown) => {
    const response = await server.send(method, path, body);
    assert.equal(response.status, status, `${method} ${path}: ${JSON.stringify(response.body)}`);
    return response.body;
  };
  for (const path of [
    "/-/healthz",
    "/-/readyz",
    "/-/config",
    "/-/metrics",
    "/-/openapi.json",
    "/-/whoami",
    "/-/status",
  ])
    await send(200, "GET", path);
  assert.equal((await server.send("POST", "/-/hooks/registry", { events: [] }, hookToken)).status, 200);
  await send(201, "PUT", "/-/orgs/acme", { limits: { endpoints: 5 } });
  await send(200, "PUT", "/-/orgs/acme", { limits: { requestsPerSecond: 100, burst: 10 } });
  await send(404, "HEAD", `/-/bundles/${digest}`);
  assert.equal((await server.upload(bundle)).status, 201);
  assert.equal((await server.upload(bundle)).status, 200);
  await send(200, "HEAD", `/-/bundles/${digest}`);
  await send(201, "PUT", "/-/orgs/acme/secrets/TOKEN", { value: "one" });
  await send(201, "PUT", "/-/orgs/acme/secrets/OTHER", { value: "one" });
  const settings = { secrets: { TOKEN: "TOKEN" }, env: { A: "b" }, visibility: "public", egress: "none" };
  await send(201, "PUT", "/-/orgs/acme/endpoints/one", { artifact, settings });
  const { revision } = await send(200, "PUT", "/-/orgs/acme/endpoints/one", { artifact, settings: { replicas: 1 } });
  await send(200, "GET", `/-/orgs/acme/endpoints/one?wait=${revision}`);
  for (const path of ["revisions", `revisions/${revision}`, `revisions/${revision}/files`])
    await send(200, "GET", `/-/orgs/acme/endpoints/one/${path}`);
  const { code } = await send(422, "GET", "/-/orgs/acme/endpoints/one/manifests");
  assert.equal(code, "EXPORT_UNSUPPORTED");
  await send(200, "POST", "/-/orgs/acme/endpoints/one/rollback", { revision });
  const schedules = [{ name: "nightly", cron: "@daily" }];
  const nightly = await send(200, "PUT", "/-/orgs/acme/endpoints/one", { settings: { schedules } });
  await send(200, "GET", `/-/orgs/acme/endpoints/one?wait=${nightly.revision}`);
  const { location: run } = await send(202, "POST", "/-/orgs/acme/endpoints/one/schedules/nightly/run");
  assert.equal((await send(200, "GET", `${run}?wait=30s`)).state, "completed");
  for (const path of [`${run}/response`, `${run}/events`, "/-/orgs/acme/calls"]) await send(200, "GET", path);
  await send(204, "DELETE", run);
  assert.equal((await send(200, "GET", "/-/orgs/acme/schedules?endpoint=one")).schedules[0].runs.length, 1);
  await send(200, "PUT", "/-/orgs/acme/endpoints/one/split", { shares: { [revision]: 100 } });
  for (const method of ["GET", "DELETE"]) await send(200, method, "/-/orgs/acme/endpoints/one/split");
  await send(200, "PUT", "/-/orgs/acme/endpoints/one/tags/stable", { revision });
  await send(200, "DELETE", "/-/orgs/acme/endpoints/one/tags/stable");
  const headers = { Authorization: `Bearer ${server.adminToken}` };
  assert.equal((await fetch(`${server.url}/acme/one`, { headers })).status, 200);
  const delayed = { ...headers, Prefer: "respond-async", "X-Faas-Delay": "1h" };
  const accepted = await fetch(`${server.url}/acme/one`, { headers: delayed });
  await send(200, "POST", `${accepted.headers.get("location")}/retry`);
  await eventually("a log line", async () =>
    (await send(200, "GET", "/-/orgs/acme/endpoints/one/logs")).includes("called"),
  );
  const added = { org: "acme", endpoint: "two", image: `bundle@${digest}`, replicas: 0, secrets: { TOKEN: "TOKEN" } };
  await send(201, "POST", "/add_endpoint", added);
  await send(200, "POST", "/add_endpoint", added);
  const { rolls } = await send(200, "PUT", "/-/orgs/acme/secrets/TOKEN", { value: "two" });
  assert.ok(rolls.length > 0);
  for (const path of ["/-/orgs", "/-/orgs/acme", "/-/endpoints", "/-/orgs/acme/endpoints", "/-/orgs/acme/secrets"])
    await send(200, "GET", path);
  for (const path of ["/-/stats", "/-/orgs/acme/stats?since=5m", "/-/calls?list=slowest"]) await send(200, "GET", path);
  await send(200, "GET", "/-/events?follow=false&after=0");
  for (const path of ["replicas", "logs", "settings", "stats"])
    await send(200, "GET", `/-/orgs/acme/endpoints/one/${path}`);
  await send(204, "DELETE", "/-/orgs/acme/secrets/OTHER");
  for (const method of ["GET", "POST"]) await send(200, method, "/-/orgs/acme/signing-key");
  const hooks = [{ name: "lab", provider: "token", secret: "TOKEN" }];
  const { revision: hooked } = await send(200, "PUT", "/-/orgs/acme/endpoints/two", { settings: { hooks } });
  await send(200, "GET", `/-/orgs/acme/endpoints/two?wait=${hooked}`);
  assert.equal((await server.send("POST", "/-/hooks/acme/lab", {}, "two")).status, 202);
  for (const [path, body] of [
    ["/-/orgs/acme/keys", { scope: "read", expires: "1d" }],
    ["/-/keys", { name: "second" }],
  ] as const) {
    const { id, token } = await send(201, "POST", path, body);
    assert.equal((await server.send("GET", "/-/whoami", undefined, token)).body.id, id);
    assert.ok((await send(200, "GET", path)).keys.length > 0);
    await send(204, "DELETE", `${path}/${id}`);
  }
  await send(204, "DELETE", "/-/orgs/acme/endpoints/two");
  await send(204, "DELETE", "/-/orgs/acme");
  assert.ok((await send(200, "GET", "/-/audit")).includes("DELETE /-/orgs/{org}"));
  const expected = declaredResponses().filter((name) => !ELSEWHERE.includes(name));
  assert.deepEqual([...server.sentResponses].sort(), expected.sort());
});

test("without keys, whoami says so", async () => {
  const server = await testControl();
  assert.deepEqual((await server.send("GET", "/-/whoami")).body, { auth: "open" });
});

/** Runs the handler of a route. */
function handle(deps: object, method: string, path: string, request: Partial<RouteRequest> = {}) {
  const route = createRoutes(deps as RoutesDeps).find((each) => each.method === method && each.path === path);
  assert.ok(route);
  return route.handle({ permissions: {} as Permissions, parameters: {}, body: undefined, ...request } as RouteRequest);
}

test("readyz fails with SERVER_STOPPING while the server stops", () => {
  assert.throws(() => handle({ stopping: () => true, platform: {} }, "get", "/-/readyz"), { code: "SERVER_STOPPING" });
});

test("readyz gives details of the cluster only where no keys are required", () => {
  const notReady = new FaasError("CLUSTER_UNREACHABLE", "10.0.0.1 does not answer");
  const deps = { stopping: () => false, platform: { notReady } };
  assert.throws(() => handle({ ...deps, isAuth: false }, "get", "/-/readyz"), /10\.0\.0\.1/);
  assert.throws(
    () => handle({ ...deps, isAuth: true }, "get", "/-/readyz"),
    (error: FaasError) => error.code === "CLUSTER_UNREACHABLE" && !error.message.includes("10.0.0.1"),
  );
});

test("registry credentials are passed to a platform that pulls images", async () => {
  const passed: string[][] = [];
  const deps = {
    deployments: { applyOrg: async (org: string) => void passed.push(["applyOrg", org]) },
    store: { putOrg: async (org: string) => void passed.push(["putOrg", org]) },
    platform: { name: "x", registryLogin: async (...login: string[]) => void passed.push(["registryLogin", ...login]) },
  };
  const request = { parameters: { org: "acme" }, body: { dockerConfigJson: '{"auths":{}}' } };
  const response = await handle(deps, "put", "/-/orgs/{org}/registry-credentials", request);
  assert.deepEqual(response, { status: 204 });
  assert.deepEqual(passed, [
    ["applyOrg", "acme"],
    ["putOrg", "acme"],
    ["registryLogin", "acme", '{"auths":{}}'],
  ]);
});

test("manifests are those that the platform builds of the serving revision", () => {
  const settings = withDefaults({ concurrency: 3 });
  const artifact = { kind: "image", reference: "registry/acme/hello@sha256:abc" } as const;
  const record = { current: { id: "r1", createdAt: "", artifact, settings }, kept: [] };
  const deps = {
    store: { org: () => ({ endpoints: new Map() }), endpoint: () => record },
    platform: { name: "x", exportObjects: (spec: EndpointSpec) => [{ apiVersion: "v1", kind: "Pod", spec }] },
  };
  const parameters = { org: "acme", endpoint: "hello" };
  const { body } = handle(deps, "get", "/-/orgs/{org}/endpoints/{endpoint}/manifests", { parameters }) as {
    body: { revision: string; objects: { spec: EndpointSpec }[] };
  };
  assert.equal(body.revision, "r1");
  assert.deepEqual([body.objects[0]?.spec.endpoint, body.objects[0]?.spec.concurrency], ["hello", 3]);
});
