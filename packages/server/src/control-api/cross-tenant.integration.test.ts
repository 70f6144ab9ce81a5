import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { describe, test } from "node:test";
import { type KeyScope, newKey, scopeAllows } from "@faas/core";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Two organizations on one server. A key of one cannot discover the other, on any route and by any path. */

const server = await testControl({ auth: true });
const bundle = await functionBundle(
  "export const handler = ({ headers }) => ({ authorization: headers.authorization, token: headers['x-faas-token'] });\n",
);
const secret = await functionBundle("export const handler = () => 'globex only';\n");
const OTHER = "globex";
for (const org of ["acme", OTHER]) await server.send("PUT", `/-/orgs/${org}`);
const tokens = {
  admin: server.adminToken,
  deploy: await server.key("acme", "deploy"),
  invoke: await server.key("acme", "invoke"),
  read: await server.key("acme", "read"),
};
const theirs = await server.key(OTHER, "deploy");
await server.upload(bundle, undefined, tokens.deploy);
await server.upload(bundle, undefined, theirs);
await server.upload(secret, undefined, theirs);
for (const [org, endpoint, token, tar, visibility] of [
  ["acme", "private", tokens.deploy, bundle, "private"],
  ["acme", "public", tokens.deploy, bundle, "public"],
  [OTHER, "private", theirs, secret, "private"],
  [OTHER, "public", theirs, bundle, "public"],
] as const) {
  const artifact = { kind: "bundle", digest: digestOf(tar) };
  const path = `/-/orgs/${org}/endpoints/${endpoint}`;
  const made = await server.send("PUT", path, { artifact, settings: { visibility } }, token);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  await server.send("GET", `${path}?wait=${made.body.revision}`, undefined, token);
}

const scopes = Object.keys(tokens) as KeyScope[];
const NO_REVISION = { endpoint: "private", revision: "nothing" };

/**
 * Permissions of each route, repeated here on purpose: a new route needs a decision here too. `key`: any key; `open`: none; `call`: read or invoke.
 * `missing`: code of the response that every organization has, existing or not. `at`: values of the other path parameters; unknown names where the request would remove what they name.
 */
const table: Readonly<
  Record<
    string,
    {
      readonly needs: KeyScope | "key" | "open" | "call";
      /** Status of an open route without more than a key. */
      readonly open?: number;
      readonly at?: Record<string, string>;
      readonly query?: string;
      readonly missing?: string;
    }
  >
> = {
  "get /-/healthz": { needs: "open" },
  "get /-/readyz": { needs: "open" },
  // It has no token.
  "post /-/hooks/registry": { needs: "open", open: 404 },
  "get /-/config": { needs: "key" },
  "get /-/openapi.json": { needs: "key" },
  "get /-/whoami": { needs: "key" },
  "get /-/status": { needs: "admin" },
  "get /-/metrics": { needs: "read" },
  "get /-/audit": { needs: "admin" },
  "get /-/keys": { needs: "admin" },
  "post /-/keys": { needs: "admin" },
  "delete /-/keys/{key}": { needs: "admin", at: { key: "nothing" } },
  "get /-/orgs": { needs: "read" },
  "get /-/orgs/{org}": { needs: "read" },
  "put /-/orgs/{org}": { needs: "admin" },
  "delete /-/orgs/{org}": { needs: "admin" },
  "get /-/orgs/{org}/keys": { needs: "admin" },
  "post /-/orgs/{org}/keys": { needs: "admin" },
  "delete /-/orgs/{org}/keys/{key}": { needs: "admin", at: { key: "nothing" } },
  "put /-/orgs/{org}/registry-credentials": { needs: "deploy" },
  "get /-/orgs/{org}/secrets": { needs: "read" },
  "put /-/orgs/{org}/secrets/{name}": { needs: "deploy", at: { name: "TOKEN" } },
  "get /-/orgs/{org}/signing-key": { needs: "deploy" },
  "post /-/orgs/{org}/signing-key": { needs: "deploy" },
  "delete /-/orgs/{org}/secrets/{name}": { needs: "deploy", at: { name: "NOTHING" } },
  "get /-/orgs/{org}/calls": { needs: "read" },
  "get /-/orgs/{org}/calls/{call}": { needs: "call", at: { call: "nothing" } },
  "get /-/orgs/{org}/calls/{call}/events": { needs: "call", at: { call: "nothing" } },
  "get /-/orgs/{org}/calls/{call}/response": { needs: "call", at: { call: "nothing" } },
  "post /-/orgs/{org}/calls/{call}/retry": { needs: "deploy", at: { call: "nothing" } },
  "delete /-/orgs/{org}/calls/{call}": { needs: "deploy", at: { call: "nothing" } },
  "get /-/endpoints": { needs: "read" },
  "get /-/calls": { needs: "read" },
  "get /-/events": { needs: "read", query: "?follow=false" },
  "get /-/stats": { needs: "read" },
  "get /-/orgs/{org}/stats": { needs: "read" },
  "get /-/orgs/{org}/schedules": { needs: "read" },
  "get /-/orgs/{org}/endpoints": { needs: "read" },
  "get /-/orgs/{org}/endpoints/{endpoint}": { needs: "read", at: { endpoint: "private" } },
  "put /-/orgs/{org}/endpoints/{endpoint}": { needs: "deploy", at: { endpoint: "private" } },
  "delete /-/orgs/{org}/endpoints/{endpoint}": { needs: "deploy", at: { endpoint: "nothing" } },
  "get /-/orgs/{org}/endpoints/{endpoint}/replicas": { needs: "read", at: { endpoint: "private" } },
  "get /-/orgs/{org}/endpoints/{endpoint}/stats": { needs: "read", at: { endpoint: "private" } },
  "get /-/orgs/{org}/endpoints/{endpoint}/settings": { needs: "read", at: { endpoint: "private" } },
  "get /-/orgs/{org}/endpoints/{endpoint}/revisions": { needs: "read", at: { endpoint: "private" } },
  "get /-/orgs/{org}/endpoints/{endpoint}/revisions/{revision}": { needs: "read", at: NO_REVISION },
  "get /-/orgs/{org}/endpoints/{endpoint}/revisions/{revision}/files": { needs: "read", at: NO_REVISION },
  "get /-/orgs/{org}/endpoints/{endpoint}/manifests": { needs: "read", at: { endpoint: "private" } },
  "post /-/orgs/{org}/endpoints/{endpoint}/rollback": { needs: "deploy", at: { endpoint: "private" } },
  "post /-/orgs/{org}/endpoints/{endpoint}/schedules/{schedule}/run": {
    needs: "deploy",
    at: { endpoint: "private", schedule: "nothing" },
  },
  "get /-/orgs/{org}/endpoints/{endpoint}/split": { needs: "read", at: { endpoint: "private" } },
  "put /-/orgs/{org}/endpoints/{endpoint}/split": { needs: "deploy", at: { endpoint: "private" } },
  "delete /-/orgs/{org}/endpoints/{endpoint}/split": { needs: "deploy", at: { endpoint: "private" } },
  "put /-/orgs/{org}/endpoints/{endpoint}/tags/{tag}": { needs: "deploy", at: { endpoint: "private", tag: "a" } },
  "delete /-/orgs/{org}/endpoints/{endpoint}/tags/{tag}": { needs: "deploy", at: { endpoint: "private", tag: "a" } },
  "get /-/orgs/{org}/endpoints/{endpoint}/logs": { needs: "read", at: { endpoint: "private" } },
  "post /-/orgs/{org}/events": { needs: "invoke" },
  "post /-/orgs/{org}/mcp": { needs: "call" },
  "get /-/orgs/{org}/mcp": { needs: "call" },
  "post /-/hooks/{org}/{hook}": { needs: "open", at: { hook: "nothing" }, missing: "HOOK_NOT_FOUND" },
  "head /-/bundles/{digest}": { needs: "deploy", at: { digest: digestOf(secret) } },
  "put /-/bundles/{digest}": { needs: "deploy", at: { digest: `sha256:${"0".repeat(64)}` } },
  "post /add_endpoint": { needs: "deploy" },
};

test("the table has every route of the OpenAPI document, and no other", async () => {
  const { paths } = (await server.send("GET", "/-/openapi.json")).body;
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(documented.sort(), Object.keys(table).sort());
});

/** Sends a request without normalizing its path. */
async function raw(method: string, path: string, headers: OutgoingHttpHeaders = {}) {
  const { hostname, port } = new URL(server.url);
  const request = httpRequest({ hostname, port, path, method, headers, agent: false });
  request.end();
  const [response] = await once(request, "response");
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  const { date: _, "x-request-id": __, "server-timing": ___, ...rest } = response.headers;
  const text = Buffer.concat(pieces).toString();
  return { status: response.statusCode as number, headers: rest, text: text.replace(/,"requestId":"[^"]*"/, "") };
}
const bearer = (token: string): OutgoingHttpHeaders => (token === "" ? {} : { authorization: `Bearer ${token}` });
const codeOf = (text: string) => (text.startsWith("{") ? (JSON.parse(text).code as string) : undefined);
const fill = (path: string, parameters: Record<string, string>) =>
  path.replaceAll(/\{(\w+)\}/g, (_, name) => parameters[name] ?? "x");

for (const [
  route,
  { needs, at = {}, query = "", missing: code, open = code === undefined ? 200 : 404 },
] of Object.entries(table)) {
  const [method = "", path = ""] = route.split(" ");
  const hasOrg = path.includes("{org}");
  const send = (org: string, token: string) =>
    raw(method.toUpperCase(), fill(path, { org, ...at }) + query, bearer(token));

  test(`${route}: requests without a key, or with an invalid one, are answered alike for each organization`, async () => {
    for (const token of ["", newKey("admin").token, `${tokens.admin}x`, "faas_", theirs.replace("deploy", "admin")]) {
      const responses = await Promise.all(["acme", OTHER, "nobody"].map((org) => send(org, token)));
      for (const { status, headers } of responses) {
        if (needs === "open") assert.equal(status, open);
        else assert.deepEqual([status, headers["www-authenticate"]], [401, 'Bearer realm="faas"']);
      }
      assert.equal(responses[0]?.text, responses[1]?.text);
      assert.equal(responses[1]?.text, responses[2]?.text);
    }
  });

  for (const scope of scopes) {
    const sufficient = needs === "call" ? (["read", "invoke"] as const) : [needs];
    const allowed = sufficient.some((each) => each === "open" || each === "key" || scopeAllows(scope, each));
    test(`${route}: a key with the scope ${scope} is ${allowed ? "accepted" : "rejected"}`, async () => {
      // Removing acme would break the tests that follow.
      const org = route === "delete /-/orgs/{org}" && scope === "admin" ? "nobody" : "acme";
      const { status, text } = await send(org, tokens[scope as keyof typeof tokens]);
      if (allowed) assert.ok(status !== 401 && status !== 403 && status < 500, `${status} ${text}`);
      else assert.equal(status, 403, text);
      if (!allowed && method !== "head") assert.equal(codeOf(text), "FORBIDDEN");
    });

    if (!hasOrg || scope === "admin") continue;
    test(`${route}: another organization looks missing to a key of acme with the scope ${scope}`, async () => {
      const token = tokens[scope as keyof typeof tokens];
      const [existing, missing] = [await send(OTHER, token), await send("nobody", token)];
      assert.equal(existing.status, 404);
      assert.equal(codeOf(existing.text), code ?? "ORG_NOT_FOUND");
      assert.deepEqual(existing.headers["content-type"], missing.headers["content-type"]);
      assert.equal(existing.text.replaceAll(OTHER, "nobody"), missing.text);
    });
  }
}

test("lists, metrics and suggestions show a key only its own organization", async () => {
  for (const path of ["/-/orgs", "/-/endpoints", "/-/metrics", "/-/orgs/acme", "/-/orgs/acme/endpoints", "/-/config"]) {
    for (const scope of ["deploy", "read"] as const) {
      const { status, text } = await raw("GET", path, bearer(tokens[scope]));
      assert.equal(status, 200, path);
      assert.doesNotMatch(text, /globex/, path);
      if (path !== "/-/config") assert.match(text, /acme/, path);
    }
  }
  // One letter off: a suggestion would reveal the name.
  for (const path of ["/-/orgs/globe", "/-/orgs/globe/endpoints/private", "/globe/private"])
    assert.doesNotMatch((await raw("GET", path, bearer(tokens.deploy))).text, /globex/);
});

test("metrics show a key all samples of its organization that an admin sees", async () => {
  const all = (await raw("GET", "/-/metrics", bearer(tokens.admin))).text;
  const own = (await raw("GET", "/-/metrics", bearer(tokens.read))).text;
  const samples = (text: string) =>
    text.split("\n").filter((line) => /org="acme"/.test(line) && !/duration|in_flight/.test(line));
  assert.ok(samples(own).length > 0);
  assert.deepEqual(samples(own), samples(all));
  assert.doesNotMatch(own, /process_|nodejs_|faas_endpoints/);
});

test("a registration in another organization is rejected like one in a missing organization, and overwrites nothing", async () => {
  const before = (await server.send("GET", `/-/orgs/${OTHER}/endpoints/private`)).body.revision;
  const image = `bundle@${digestOf(bundle)}`;
  const register = (org: string) =>
    server.send("POST", "/add_endpoint", { org, endpoint: "private", image, replicas: 1 }, tokens.deploy);
  const [existing, missing] = [await register(OTHER), await register("nobody")];
  assert.deepEqual([existing.status, existing.problem.code], [404, "ORG_NOT_FOUND"]);
  assert.equal(existing.problem.detail.replace(OTHER, "nobody"), missing.problem.detail);
  assert.equal((await server.send("GET", `/-/orgs/${OTHER}/endpoints/private`)).body.revision, before);
  assert.equal((await server.send("GET", "/-/orgs/nobody")).status, 404);
});

describe("a bundle of another organization", () => {
  const digest = digestOf(secret);
  const deploy = (token: string, wanted = digest) =>
    server.send("PUT", "/-/orgs/acme/endpoints/copied", { artifact: { kind: "bundle", digest: wanted } }, token);

  test("looks missing, and cannot be deployed with its digest", async () => {
    const none = `sha256:${"e".repeat(64)}`;
    for (const each of [digest, none])
      assert.equal((await raw("HEAD", `/-/bundles/${each}`, bearer(tokens.deploy))).status, 404);
    const [existing, missing] = [await deploy(tokens.deploy), await deploy(tokens.deploy, none)];
    assert.deepEqual([existing.status, existing.problem.code], [404, "BUNDLE_NOT_FOUND"]);
    assert.equal(existing.problem.detail.replaceAll(digest, none), missing.problem.detail);
  });

  test("cannot be obtained by uploading other content, or none, under its digest", async () => {
    for (const wrong of [Buffer.alloc(0), Buffer.alloc(1024), bundle]) {
      const { status } = await server.upload(wrong, digest, tokens.deploy);
      assert.equal(status, 422);
    }
    assert.equal((await deploy(tokens.deploy)).status, 404);
  });

  test("is new to an organization that uploads it, which then owns it too", async () => {
    assert.equal((await server.upload(secret, digest, tokens.deploy)).status, 201);
    assert.equal((await server.upload(secret, digest, tokens.deploy)).status, 200);
    assert.equal((await raw("HEAD", `/-/bundles/${digest}`, bearer(tokens.deploy))).status, 200);
    assert.equal((await deploy(tokens.deploy)).status, 201);
  });
});

describe("the gateway", () => {
  const call = (path: string, headers: OutgoingHttpHeaders) => raw("GET", path, headers);

  for (const [caller, token, own, other] of [
    ["without a key", "", 401, 401],
    ["with an invalid key", newKey("invoke").token, 401, 401],
    ["read", tokens.read, 403, 404],
    ["invoke", tokens.invoke, 200, 404],
    ["deploy", tokens.deploy, 200, 404],
    ["admin", tokens.admin, 200, 200],
  ] as const) {
    test(`${caller}: own private endpoints ${own}, those of others ${other}, public endpoints 200`, async () => {
      assert.equal((await call("/acme/private", bearer(token))).status, own);
      assert.equal((await call(`/${OTHER}/private`, bearer(token))).status, other);
      for (const path of ["/acme/public", `/${OTHER}/public`])
        assert.equal((await call(path, bearer(token))).status, 200);
    });

    if (caller === "admin") continue;
    test(`${caller}: private endpoints of others and missing ones get the same response`, async () => {
      const responses = await Promise.all(
        [`/${OTHER}/private`, `/${OTHER}/nothing`, "/nobody/private"].map((path) => call(path, bearer(token))),
      );
      const [first, ...rest] = responses.map(({ status, headers, text }) => ({
        status,
        type: headers["content-type"],
        length: Number(headers["content-length"]) - text.length,
        text: text.replaceAll(OTHER, "nobody"),
      }));
      for (const each of rest) assert.deepEqual(each, first);
    });
  }

  test("no path and no headers call an endpoint of another organization", async () => {
    const ways: [string, OutgoingHttpHeaders][] = [
      [`/${OTHER}/private/`, {}],
      [`/${OTHER}/private?x`, {}],
      [`/${OTHER}%2fprivate`, {}],
      [`/%67lobex/private`, {}],
      [`//${OTHER}/private`, {}],
      [`/./${OTHER}/private`, {}],
      [`/acme/../${OTHER}/private`, {}],
      [`/acme/%2e%2e/${OTHER}/private`, {}],
      [`/acme/public/..%2f..%2f${OTHER}/private`, {}],
      [`/acme/public/../../${OTHER}/private`, {}],
      [`/acme\\..\\${OTHER}/private`, {}],
      [`/acme;/${OTHER}/private`, {}],
      [`http://acme/${OTHER}/private`, {}],
      [`/GLOBEX/private`, {}],
      [`/-/../${OTHER}/private`, {}],
      [`/-/orgs/acme/endpoints/..%2f..%2f${OTHER}%2fendpoints%2fprivate`, {}],
      [`/-/orgs/acme%2f..%2f${OTHER}/endpoints`, {}],
      [`/-/orgs/acme/../${OTHER}/endpoints`, {}],
      [`/-/orgs//${OTHER}/endpoints`, {}],
      [`/-/ORGS/${OTHER}/endpoints`, {}],
      [`/-/orgs/${OTHER}/endpoints/`, {}],
      [`/${OTHER}/private`, { "x-forwarded-prefix": "/acme/public", "x-forwarded-for": "127.0.0.1" }],
      [`/${OTHER}/private`, { "x-original-url": "/acme/public", "x-rewrite-url": "/acme/public" }],
      [`/${OTHER}/private`, { host: "127.0.0.1", "x-forwarded-host": "localhost", forwarded: "for=127.0.0.1" }],
      [`/${OTHER}/private`, { "x-http-method-override": "OPTIONS" }],
      [`/${OTHER}/private`, { "x-faas-token": tokens.invoke }],
    ];
    for (const [path, headers] of ways) {
      const { status, text } = await call(path, { ...bearer(tokens.deploy), ...headers });
      assert.ok(status === 404 || status === 400, `${path} ${JSON.stringify(headers)}: ${status} ${text}`);
      assert.doesNotMatch(text, /globex only/);
    }
    for (const headers of [{ host: "acme" }, { "x-forwarded-for": "127.0.0.1" }, { "x-real-ip": "127.0.0.1" }])
      assert.equal((await call("/acme/private", headers)).status, 401, JSON.stringify(headers));
    const upgrade = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
    assert.equal((await call(`/${OTHER}/private`, { ...bearer(tokens.deploy), ...upgrade })).status, 404);
    assert.equal((await call("/acme/private", upgrade)).status, 401);
  });

  test("functions get Authorization except for keys of the server", async () => {
    const seen = async (path: string, headers: OutgoingHttpHeaders) => JSON.parse((await call(path, headers)).text);
    assert.deepEqual(await seen("/acme/private", bearer(tokens.invoke)), {});
    // The function of another organization gets no key of its callers, valid or not.
    for (const token of [tokens.deploy, newKey("admin").token])
      assert.deepEqual(await seen(`/${OTHER}/public`, bearer(token)), {});
    assert.deepEqual(await seen("/acme/public", { authorization: `bEaReR   ${tokens.deploy}` }), {});
    const basic = { authorization: "Basic dXNlcjpwYXNz" };
    assert.deepEqual(await seen("/acme/public", basic), basic);
    assert.deepEqual(await seen("/acme/private", { ...basic, "x-faas-token": tokens.invoke }), basic);
  });
});
