import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

const server = await testControl();
const bundle = await functionBundle("export const handler = () => 'hello';\n");
const artifact = { kind: "bundle", digest: digestOf(bundle) };
await server.upload(bundle);

/** Reads the state on disk. */
const state = () =>
  Promise.all(
    ["state.json", "state.journal"].map((name) => readFile(join(server.dataDir, name), "utf8").catch(() => "")),
  );

test("the first endpoint of an organization creates it: 201, then 200, and the URL serves", async () => {
  const made = await server.send("PUT", "/-/orgs/first/endpoints/one", { artifact });
  assert.deepEqual([made.status, made.body.url], [201, `${server.url}/first/one`]);
  assert.equal(await (await fetch(made.body.url)).text(), "hello");
  const again = await server.send("PUT", "/-/orgs/first/endpoints/one", { artifact });
  assert.deepEqual([again.status, again.body.unchanged], [200, true]);
  const { status, body } = await server.send("GET", "/-/orgs/first");
  assert.deepEqual([status, body.endpoints], [200, ["one"]]);
});

test("an endpoint that is registered with 0 replicas has none until its first request", async () => {
  const body = { org: "acme", endpoint: "asleep", image: `bundle@${artifact.digest}`, replicas: 0 };
  assert.equal((await server.send("POST", "/add_endpoint", body)).status, 201);
  const path = "/-/orgs/acme/endpoints/asleep";
  const { phase, replicas } = (await server.send("GET", path)).body;
  assert.deepEqual([phase, replicas], ["idle", []]);
  assert.equal((await server.send("GET", "/acme/asleep")).body, "hello");
});

test("add_endpoint accepts the fields of the original system: 201 when new, 200 when changed, with the URL", async () => {
  const body = { org: "original", endpoint: "one", image: `bundle@${artifact.digest}`, replicas: 1 };
  const made = await server.send("POST", "/add_endpoint", body);
  assert.deepEqual([made.status, made.body.url], [201, `${server.url}/original/one`]);
  const changed = await server.send("POST", "/add_endpoint", { ...body, replicas: 2, timeout: "3s" });
  assert.deepEqual([changed.status, changed.body.unchanged], [200, false]);
  const view = await server.send("GET", "/-/orgs/original/endpoints/one?wait=unknown");
  assert.equal(view.body.org, "original");
  assert.equal(await (await fetch(made.body.url)).text(), "hello");
});

test("a container image is rejected with 422 and the platform that runs it", async () => {
  const body = { org: "a", endpoint: "b", image: "registry.example/x:1", replicas: 1 };
  const { status, problem } = await server.send("POST", "/add_endpoint", body);
  assert.deepEqual([status, problem.code], [422, "ARTIFACT_UNSUPPORTED"]);
  assert.match(problem.detail, /kubernetes platform/);
});

test("an unknown bundle is rejected with 404 and the way to upload it", async () => {
  const digest = `sha256:${"e".repeat(64)}`;
  for (const [method, path, body] of [
    ["PUT", "/-/orgs/a/endpoints/b", { artifact: { kind: "bundle", digest } }],
    ["POST", "/add_endpoint", { org: "a", endpoint: "b", image: `bundle@${digest}`, replicas: 1 }],
  ] as const) {
    const { status, problem } = await server.send(method, path, body);
    assert.deepEqual([status, problem.code], [404, "BUNDLE_NOT_FOUND"]);
    assert.match(problem.detail, /PUT \/-\/bundles/);
  }
});

const put = (settings: unknown, more = {}) => ({ artifact, settings, ...more });
const original = { org: "a", endpoint: "b", image: `bundle@${artifact.digest}`, replicas: 1 };
for (const [what, method, path, body, code, detail] of [
  ["truncated JSON", "POST", "/add_endpoint", '{"org":"a"', "MALFORMED_JSON", /JSON/],
  ["JSON with a trailing comma", "PUT", "/-/orgs/a/endpoints/b", '{"artifact":{},}', "MALFORMED_JSON", /JSON/],
  ["a body that is not JSON", "POST", "/add_endpoint", "org=a", "MALFORMED_JSON", /JSON/],
  ["an empty body", "POST", "/add_endpoint", "", "MALFORMED_JSON", /JSON/],
  ["a list", "POST", "/add_endpoint", "[]", "INVALID_REQUEST", /object/],
  ["null", "POST", "/add_endpoint", "null", "INVALID_REQUEST", /object/],
  ["an unknown field", "POST", "/add_endpoint", { ...original, replicsa: 2 }, "INVALID_REQUEST", /"?replicsa/],
  ["an unknown setting", "PUT", "/-/orgs/a/endpoints/b", put({ replicsa: 2 }), "INVALID_REQUEST", /replicsa/],
  [
    "an unknown field beside the settings",
    "PUT",
    "/-/orgs/a/endpoints/b",
    put({}, { imgae: "x" }),
    "INVALID_REQUEST",
    /imgae/,
  ],
  ["a missing field", "POST", "/add_endpoint", { org: "a", endpoint: "b" }, "INVALID_REQUEST", /image/],
  ["negative replicas", "POST", "/add_endpoint", { ...original, replicas: -1 }, "INVALID_REQUEST", /replicas.*-1/],
  ["absurd replicas", "POST", "/add_endpoint", { ...original, replicas: 1e9 }, "INVALID_REQUEST", /replicas.*1000/],
  ["a fraction of a replica", "POST", "/add_endpoint", { ...original, replicas: 1.5 }, "INVALID_REQUEST", /replicas/],
  ["replicas as text", "POST", "/add_endpoint", { ...original, replicas: "2" }, "INVALID_REQUEST", /replicas/],
  [
    "more replicas than maxReplicas",
    "PUT",
    "/-/orgs/a/endpoints/b",
    put({ replicas: 5, maxReplicas: 2 }),
    "INVALID_REQUEST",
    /maxReplicas/,
  ],
  [
    "a duration without a unit",
    "PUT",
    "/-/orgs/a/endpoints/b",
    put({ timeout: "5" }),
    "INVALID_REQUEST",
    /timeout.*30s/,
  ],
  [
    "a malformed digest",
    "POST",
    "/add_endpoint",
    { ...original, image: "bundle@sha256:1" },
    "INVALID_REQUEST",
    /image|digest/,
  ],
  [
    "a scaler of another platform",
    "PUT",
    "/-/orgs/a/endpoints/b",
    put({ scaler: "cpu" }),
    "SCALER_UNSUPPORTED",
    /concurrency, fixed/,
  ],
] as const) {
  test(`${what} is rejected, and nothing is written`, async () => {
    const before = await state();
    const { status, problem } = await server.send(method, path, body);
    assert.equal(problem.code, code, problem.detail);
    assert.equal(status, code === "SCALER_UNSUPPORTED" ? 422 : 400);
    assert.match(JSON.stringify(problem), detail);
    assert.deepEqual(await state(), before);
  });
}

for (const name of [
  "Acme",
  "a_b",
  "-a",
  "a-",
  "a.b",
  "ä",
  "a".repeat(64),
  "add_endpoint",
  "constructor",
  "__proto__",
]) {
  test(`names are DNS labels that are not too long or reserved: ${name.slice(0, 20)}`, async () => {
    const isOrdinary = name === "constructor";
    for (const path of [`/-/orgs/${encodeURIComponent(name)}`, `/-/orgs/ok/endpoints/${encodeURIComponent(name)}`]) {
      const { status, body } = await server.send("GET", path);
      assert.deepEqual([status, body.code === "INVALID_NAME"], isOrdinary ? [404, false] : [400, true], body.detail);
    }
    const { status, body } = await server.send("POST", "/add_endpoint", { ...original, org: name });
    assert.equal(status, isOrdinary ? 201 : 400, body.detail);
    if (isOrdinary) assert.equal((await server.send("DELETE", `/-/orgs/${name}`)).status, 204);
  });
}

test("the name of the server's namespace is reserved", async () => {
  const { status, problem } = await server.send("PUT", "/-/orgs/system/endpoints/x", { artifact });
  assert.deepEqual([status, problem.code], [400, "INVALID_NAME"]);
  assert.match(problem.detail, /reserved/);
});

test("an unknown organization or endpoint is a 404 with a similar name", async () => {
  await server.send("PUT", "/-/orgs/meant/endpoints/invert", { artifact });
  for (const [path, code, suggestion] of [
    ["/-/orgs/maent/endpoints", "ORG_NOT_FOUND", "meant"],
    ["/-/orgs/meant/endpoints/invrt", "ENDPOINT_NOT_FOUND", "meant/invert"],
    ["/-/orgs/meant/endpoints/invrt/logs", "ENDPOINT_NOT_FOUND", "meant/invert"],
    ["/-/orgs/meant/endpoints/invrt/replicas", "ENDPOINT_NOT_FOUND", "meant/invert"],
  ] as const) {
    const { status, problem } = await server.send("GET", path);
    assert.deepEqual([status, problem.code, problem.suggestion], [404, code, suggestion]);
  }
  assert.equal((await server.send("DELETE", "/-/orgs/meant/endpoints/gone")).problem.code, "ENDPOINT_NOT_FOUND");
});

test("a method that a route does not support is a 405 with the supported ones", async () => {
  const { status, problem, headers } = await server.send("PATCH", "/-/orgs/a/endpoints/b");
  assert.deepEqual([status, problem.code], [405, "METHOD_NOT_ALLOWED"]);
  assert.match(headers.get("allow") ?? "", /GET.*PUT.*DELETE|PUT|DELETE/);
  assert.equal((await server.send("GET", "/add_endpoint")).problem.code, "METHOD_NOT_ALLOWED");
  assert.equal((await server.send("GET", "/-/no-such-thing")).problem.code, "NOT_FOUND");
});

/** Sends the bytes as they are: fetch would normalize the path. */
async function raw(request: string): Promise<{ head: string; body: string }> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.setEncoding("utf8").on("data", (piece) => (text += piece));
  socket.write(request);
  await once(socket, "close");
  const [head = "", ...rest] = text.split("\r\n\r\n");
  return { head, body: rest.join("\r\n\r\n") };
}

for (const path of [
  "/-/orgs/../x",
  "/-/orgs/%2e%2e/endpoints",
  "/-/orgs/a%00b",
  "/-/orgs/a%zz",
  "/-/orgs/..%2f..%2fetc",
]) {
  test(`a path with unsafe segments is rejected: ${path}`, async () => {
    const { head, body } = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(head, /^HTTP\/1\.1 400 /);
    assert.match(body, /"code":"INVALID_(PATH|NAME|REQUEST)"/);
  });
}

test("an unknown method gets a problem document", async () => {
  const { head, body } = await raw("FROB /-/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json/);
  assert.match(body, /"code":"INVALID_REQUEST"/);
});

test("a request body needs its type and is limited; a client that is still sending receives the rejection", async () => {
  const untyped = await fetch(`${server.url}/add_endpoint`, { method: "POST", body: "{}" });
  assert.deepEqual(
    [untyped.status, ((await untyped.json()) as { code: string }).code],
    [415, "UNSUPPORTED_MEDIA_TYPE"],
  );
  const large = await server.send("POST", "/add_endpoint", `"${"x".repeat(2 ** 21)}"`);
  assert.deepEqual([large.status, large.problem.code], [413, "BODY_TOO_LARGE"]);
  // Chunked: the length is not known beforehand.
  const endless = await fetch(`${server.url}/add_endpoint`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: new Blob(["x".repeat(2 ** 22)]).stream(),
    duplex: "half",
  } as RequestInit);
  assert.deepEqual([endless.status, ((await endless.json()) as { code: string }).code], [413, "BODY_TOO_LARGE"]);
});

test("a client that disconnects in the middle of a body does not stop the server", async () => {
  const { hostname, port } = new URL(server.url);
  for (const path of ["POST /add_endpoint", "PUT /-/orgs/a/endpoints/b", "DELETE /-/orgs/a", "GET /-/nothing"]) {
    const socket = connect(Number(port), hostname);
    socket.write(`${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{`);
    await once(socket, "connect");
    socket.destroy();
  }
  assert.equal((await server.send("GET", "/-/healthz")).status, 200);
});

test("metrics are in Prometheus' format, with organization, endpoint and code as labels", async () => {
  await server.send("PUT", "/-/orgs/metered/endpoints/one", { artifact });
  assert.equal((await fetch(`${server.url}/metered/one`)).status, 200);
  const { body, headers } = await server.send("GET", "/-/metrics");
  assert.match(headers.get("content-type") ?? "", /^text\/plain/);
  assert.match(body, /^faas_\w+\{[^}]*org="metered"[^}]*\} 1$/m);
  for (const what of [
    "requests_total",
    "duration_seconds_bucket",
    "cold_starts",
    "requests_waiting",
    "replicas_ready",
    "in_flight",
  ])
    assert.match(body, new RegExp(`faas_\\w*${what}`));
});
