import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { describe, test } from "node:test";
import { type KeyScope, newKey, scopeAllows } from "@faas/core";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Two organizations on one server. Whoever has a key of one learns nothing of the other, on any route and by any path. */

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

/**
 * What each route takes, said here and not taken from the route: one that is new has to be thought about here. `key`: any key; `open`: none.
 * `at`: what stands for the other parameters of the path; something that is not there where the call would remove it.
 */
const table: Readonly<
  Record<string, { readonly needs: KeyScope | "key" | "open"; readonly at?: Record<string, string> }>
> = {
  "get /-/healthz": { needs: "open" },
  "get /-/readyz": { needs: "open" },
  "get /-/config": { needs: "key" },
  "get /-/openapi.json": { needs: "key" },
  "get /-/whoami": { needs: "key" },
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
  "delete /-/orgs/{org}/secrets/{name}": { needs: "deploy", at: { name: "NOTHING" } },
  "get /-/endpoints": { needs: "read" },
  "get /-/orgs/{org}/endpoints": { needs: "read" },
  "get /-/orgs/{org}/endpoints/{endpoint}": { needs: "read", at: { endpoint: "private" } },
  "put /-/orgs/{org}/endpoints/{endpoint}": { needs: "deploy", at: { endpoint: "private" } },
  "delete /-/orgs/{org}/endpoints/{endpoint}": { needs: "deploy", at: { endpoint: "nothing" } },
  "get /-/orgs/{org}/endpoints/{endpoint}/replicas": { needs: "read", at: { endpoint: "private" } },
  "get /-/orgs/{org}/endpoints/{endpoint}/logs": { needs: "read", at: { endpoint: "private" } },
  "head /-/bundles/{digest}": { needs: "deploy", at: { digest: digestOf(secret) } },
  "put /-/bundles/{digest}": { needs: "deploy", at: { digest: `sha256:${"0".repeat(64)}` } },
  "post /add_endpoint": { needs: "deploy" },
};

test("every route of the OpenAPI document is in the table, and no other", async () => {
  const { paths } = (await server.send("GET", "/-/openapi.json")).body;
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(documented.sort(), Object.keys(table).sort());
});

/** As it comes, without tidying. */
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

for (const [route, { needs, at = {} }] of Object.entries(table)) {
  const [method = "", path = ""] = route.split(" ");
  const hasOrg = path.includes("{org}");
  const send = (org: string, token: string) => raw(method.toUpperCase(), fill(path, { org, ...at }), bearer(token));

  test(`${route}: who has no key, and who has one that is none, is asked for one`, async () => {
    for (const token of ["", newKey("admin").token, `${tokens.admin}x`, "faas_", theirs.replace("deploy", "admin")]) {
      const answers = await Promise.all(["acme", OTHER, "nobody"].map((org) => send(org, token)));
      for (const { status, headers } of answers) {
        if (needs === "open") assert.equal(status, 200);
        else assert.deepEqual([status, headers["www-authenticate"]], [401, 'Bearer realm="faas"']);
      }
      assert.equal(answers[0]?.text, answers[1]?.text);
      assert.equal(answers[1]?.text, answers[2]?.text);
    }
  });

  for (const scope of scopes) {
    const allowed = needs === "open" || needs === "key" || scopeAllows(scope, needs);
    test(`${route}: ${scope} ${allowed ? "may" : "may not"}`, async () => {
      // It would be gone for all that follows.
      const org = route === "delete /-/orgs/{org}" && scope === "admin" ? "nobody" : "acme";
      const { status, text } = await send(org, tokens[scope as keyof typeof tokens]);
      if (allowed) assert.ok(status !== 401 && status !== 403 && status < 500, `${status} ${text}`);
      else assert.equal(status, 403, text);
      if (!allowed && method !== "head") assert.equal(codeOf(text), "FORBIDDEN");
    });

    if (!hasOrg || scope === "admin") continue;
    test(`${route}: for ${scope} of acme another organization is not there`, async () => {
      const token = tokens[scope as keyof typeof tokens];
      const [there, not] = [await send(OTHER, token), await send("nobody", token)];
      assert.equal(there.status, 404);
      assert.equal(codeOf(there.text), "ORG_NOT_FOUND");
      assert.deepEqual(there.headers["content-type"], not.headers["content-type"]);
      assert.equal(there.text.replaceAll(OTHER, "nobody"), not.text);
    });
  }
}

test("lists, metrics and suggestions of a key show its own organization alone", async () => {
  for (const path of ["/-/orgs", "/-/endpoints", "/-/metrics", "/-/orgs/acme", "/-/orgs/acme/endpoints", "/-/config"]) {
    for (const scope of ["deploy", "read"] as const) {
      const { status, text } = await raw("GET", path, bearer(tokens[scope]));
      assert.equal(status, 200, path);
      assert.doesNotMatch(text, /globex/, path);
      if (path !== "/-/config") assert.match(text, /acme/, path);
    }
  }
  // One letter off: a suggestion would give the name away.
  for (const path of ["/-/orgs/globe", "/-/orgs/globe/endpoints/private", "/globe/private"])
    assert.doesNotMatch((await raw("GET", path, bearer(tokens.deploy))).text, /globex/);
});

test("the metrics of a key are whole for its organization: what an admin sees of it", async () => {
  const all = (await raw("GET", "/-/metrics", bearer(tokens.admin))).text;
  const own = (await raw("GET", "/-/metrics", bearer(tokens.read))).text;
  const samples = (text: string) =>
    text.split("\n").filter((line) => /org="acme"/.test(line) && !/duration|in_flight/.test(line));
  assert.ok(samples(own).length > 0);
  assert.deepEqual(samples(own), samples(all));
  assert.doesNotMatch(own, /process_|nodejs_|faas_endpoints/);
});

test("a registration in another organization is refused like one where there is none, and overwrites nothing", async () => {
  const before = (await server.send("GET", `/-/orgs/${OTHER}/endpoints/private`)).body.revision;
  const image = `bundle@${digestOf(bundle)}`;
  const register = (org: string) =>
    server.send("POST", "/add_endpoint", { org, endpoint: "private", image, replicas: 1 }, tokens.deploy);
  const [there, not] = [await register(OTHER), await register("nobody")];
  assert.deepEqual([there.status, there.problem.code], [404, "ORG_NOT_FOUND"]);
  assert.equal(there.problem.detail.replace(OTHER, "nobody"), not.problem.detail);
  assert.equal((await server.send("GET", `/-/orgs/${OTHER}/endpoints/private`)).body.revision, before);
  assert.equal((await server.send("GET", "/-/orgs/nobody")).status, 404);
});

describe("a bundle of another organization", () => {
  const digest = digestOf(secret);
  const deploy = (token: string, wanted = digest) =>
    server.send("PUT", "/-/orgs/acme/endpoints/taken", { artifact: { kind: "bundle", digest: wanted } }, token);

  test("is not told to be there, and cannot be deployed by who knows its digest", async () => {
    const none = `sha256:${"e".repeat(64)}`;
    for (const each of [digest, none])
      assert.equal((await raw("HEAD", `/-/bundles/${each}`, bearer(tokens.deploy))).status, 404);
    const [there, not] = [await deploy(tokens.deploy), await deploy(tokens.deploy, none)];
    assert.deepEqual([there.status, there.problem.code], [404, "BUNDLE_NOT_FOUND"]);
    assert.equal(there.problem.detail.replaceAll(digest, none), not.problem.detail);
  });

  test("is not had by sending something else, or nothing, under its digest", async () => {
    for (const wrong of [Buffer.alloc(0), Buffer.alloc(1024), bundle]) {
      const { status } = await server.upload(wrong, digest, tokens.deploy);
      assert.equal(status, 422);
    }
    assert.equal((await deploy(tokens.deploy)).status, 404);
  });

  test("is new to who uploads it, and then theirs too", async () => {
    assert.equal((await server.upload(secret, digest, tokens.deploy)).status, 201);
    assert.equal((await server.upload(secret, digest, tokens.deploy)).status, 200);
    assert.equal((await raw("HEAD", `/-/bundles/${digest}`, bearer(tokens.deploy))).status, 200);
    assert.equal((await deploy(tokens.deploy)).status, 201);
  });
});

describe("the gateway", () => {
  const call = (path: string, headers: OutgoingHttpHeaders) => raw("GET", path, headers);

  for (const [who, token, own, other] of [
    ["without a key", "", 401, 401],
    ["with a key that is none", newKey("invoke").token, 401, 401],
    ["read", tokens.read, 403, 404],
    ["invoke", tokens.invoke, 200, 404],
    ["deploy", tokens.deploy, 200, 404],
    ["admin", tokens.admin, 200, 200],
  ] as const) {
    test(`${who}: private endpoints ${own}, those of others ${other}; public ones answer`, async () => {
      assert.equal((await call("/acme/private", bearer(token))).status, own);
      assert.equal((await call(`/${OTHER}/private`, bearer(token))).status, other);
      for (const path of ["/acme/public", `/${OTHER}/public`])
        assert.equal((await call(path, bearer(token))).status, 200);
    });

    if (who === "admin") continue;
    test(`${who}: a private endpoint of others, and one that is not there, are refused alike`, async () => {
      const answers = await Promise.all(
        [`/${OTHER}/private`, `/${OTHER}/nothing`, "/nobody/private"].map((path) => call(path, bearer(token))),
      );
      const [first, ...rest] = answers.map(({ status, headers, text }) => ({
        status,
        type: headers["content-type"],
        length: Number(headers["content-length"]) - text.length,
        text: text.replaceAll(OTHER, "nobody"),
      }));
      for (const each of rest) assert.deepEqual(each, first);
    });
  }

  test("by whatever path and headers, nothing of others is called", async () => {
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

  test("a key never reaches a function; what else is in Authorization does", async () => {
    const seen = async (path: string, headers: OutgoingHttpHeaders) => JSON.parse((await call(path, headers)).text);
    assert.deepEqual(await seen("/acme/private", bearer(tokens.invoke)), {});
    // Somebody else's function gets the key of nobody who calls it, good or not.
    for (const token of [tokens.deploy, newKey("admin").token])
      assert.deepEqual(await seen(`/${OTHER}/public`, bearer(token)), {});
    assert.deepEqual(await seen("/acme/public", { authorization: `bEaReR   ${tokens.deploy}` }), {});
    const basic = { authorization: "Basic dXNlcjpwYXNz" };
    assert.deepEqual(await seen("/acme/public", basic), basic);
    assert.deepEqual(await seen("/acme/private", { ...basic, "x-faas-token": tokens.invoke }), basic);
  });
});
