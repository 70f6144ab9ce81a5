import assert from "node:assert/strict";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import type { Problem } from "@faas/core";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Each limit of an organization through the real HTTP interface: set, shown, enforced, written down. */

const server = await testControl({ auth: true });
const CODE = `
export const handler = async ({ path }) => {
  if (path === "/slow") await new Promise((done) => setTimeout(done, 600));
  return "fine";
};`;
const bundle = await functionBundle(CODE);
assert.equal((await server.upload(bundle)).status, 201);

const artifact = { kind: "bundle", digest: digestOf(bundle) };
const register = (key: string, settings: object = {}) => {
  const [org, endpoint] = key.split("/");
  const body = { artifact, settings: { visibility: "public", replicas: 0, ...settings } };
  return server.send("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, body);
};
const limit = async (org: string, limits: object) => {
  const answer = await server.send("PUT", `/-/orgs/${org}`, { limits });
  assert.ok(answer.status < 300, JSON.stringify(answer.body));
  return answer.body;
};
const describeOrg = async (org: string) => (await server.send("GET", `/-/orgs/${org}`)).body;

interface Called {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: a problem document or text
  readonly body: any;
}

const open = new Set<ReturnType<typeof httpRequest>>();
after(() => {
  for (const request of open) request.destroy();
});

function call(path: string, body?: string | Iterable<string>): Promise<Called> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const request = httpRequest(server.url + path, { method, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => (text += piece));
      response.on("end", () => {
        open.delete(request);
        const isProblem = response.headers["content-type"] === "application/problem+json";
        resolve({
          status: response.statusCode as number,
          headers: response.headers,
          body: isProblem ? JSON.parse(text) : text,
        });
      });
    });
    open.add(request);
    request.on("error", reject);
    if (typeof body === "string" || body === undefined) request.end(body);
    else {
      // Without a length: chunked.
      for (const piece of body) request.write(piece);
      request.end();
    }
  });
}

describe("limits are set and shown", () => {
  test("what is named changes, null removes, the rest stays; who only reads sees them, with what is used", async () => {
    await limit("shown", { endpoints: 3, cpu: "2", requestsPerSecond: 0.5, burst: 4 });
    await limit("shown", { cpu: null, memory: "1Gi" });
    await register("shown/one", { replicas: 2, cpu: "250m", idleTimeout: "1h" });
    const token = await server.key("shown", "read");
    const { status, body } = await server.send("GET", "/-/orgs/shown", undefined, token);
    assert.equal(status, 200);
    assert.deepEqual(body.limits, { endpoints: 3, memory: "1Gi", requestsPerSecond: 0.5, burst: 4 });
    assert.deepEqual(body.defaultLimits, { concurrentRequests: 10_000 });
    const { bundleBytes, ...use } = body.use;
    assert.deepEqual(use, {
      endpoints: 1,
      replicas: 2,
      cpu: "500m",
      memory: "512Mi",
      requestsPerSecond: 0,
      concurrentRequests: 0,
    });
    assert.ok(Math.abs(bundleBytes - bundle.length) <= 512, `${bundleBytes} of a tar of ${bundle.length}`);
    assert.deepEqual((await limit("shown", { requestsPerSecond: null })).limits, { endpoints: 3, memory: "1Gi" });
  });

  for (const [what, limits, expected] of [
    ["text for a number", { endpoints: "3" }, /"limits.endpoints": expected a number, got "3"/],
    ["less than none", { replicas: -1 }, /"limits.replicas": expected 0 or more, got -1/],
    ["no quantity", { cpu: "much" }, /"limits.cpu": expected a CPU quantity such as 500m or 4/],
    ["no size", { bodySize: "1MB" }, /"limits.bodySize": expected a size such as 512Mi or 8Gi/],
    ["no requests ever", { requestsPerSecond: 0 }, /"limits.requestsPerSecond": expected 0.01 or more, got 0/],
    ["a limit that is none", { request: 1 }, /unknown field "request"/],
    ["a burst of nothing", { burst: 5 }, /expected "burst" to come with "requestsPerSecond", got 5 without/],
  ] as const) {
    test(`refused: ${what}`, async () => {
      const { status, problem } = await server.send("PUT", "/-/orgs/wrong", { limits });
      assert.deepEqual([status, problem.code], [400, "INVALID_REQUEST"]);
      assert.match(problem.detail, expected);
      assert.equal((await server.send("GET", "/-/orgs/wrong")).status, 404);
    });
  }

  test("only an admin sets them, and the audit trail has them before and after", async () => {
    await limit("audited", { endpoints: 1 });
    const token = await server.key("audited", "deploy");
    const refused = await server.send("PUT", "/-/orgs/audited", { limits: { endpoints: 100 } }, token);
    assert.equal(refused.status, 403);
    await limit("audited", { endpoints: 2 });
    const lines = (await server.send("GET", "/-/audit")).body as string;
    const [last] = lines
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ action, target, status }) => action === "PUT /-/orgs/{org}" && target === "audited" && status < 300)
      .slice(-1);
    assert.deepEqual(last.change, { limits: { from: { endpoints: 1 }, to: { endpoints: 2 } } });
  });
});

describe("calls", () => {
  test("over requests a second: 429 with Retry-After and RateLimit fields; others are not concerned", async () => {
    await register("rated/x");
    await register("free/x");
    assert.equal((await call("/rated/x")).status, 200);
    await limit("rated", { requestsPerSecond: 0.1, burst: 2 });
    const answers = [await call("/rated/x"), await call("/rated/x"), await call("/rated/x")];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 429],
    );
    const { headers, body } = answers[2] as Called;
    assert.equal(body.code, "RATE_LIMITED");
    assert.deepEqual(body["violated-policies"], ["requests"]);
    assert.equal(headers["ratelimit-policy"], '"requests";q=2;w=20');
    const seconds = Number(headers["retry-after"]);
    assert.ok(seconds >= 9 && seconds <= 10, headers["retry-after"]);
    assert.equal(headers.ratelimit, `"requests";r=0;t=${seconds}`);
    assert.equal((await call("/free/x")).status, 200);
    const metrics = (await server.send("GET", "/-/metrics")).body;
    assert.match(metrics, /faas_requests_limited_total\{org="rated",endpoint="x",limit="requestsPerSecond"\} 1\n/);
    assert.match(metrics, /faas_requests_total\{org="rated",endpoint="x",code="429"\} 1\n/);
    await limit("rated", { requestsPerSecond: null });
    assert.equal((await call("/rated/x")).status, 200);
  });

  test("over requests at a time: 429 at once; when one has ended the next is let in", async () => {
    await register("crowd/x");
    assert.equal((await call("/crowd/x")).status, 200);
    await limit("crowd", { concurrentRequests: 2 });
    const slow = [call("/crowd/x/slow"), call("/crowd/x/slow")];
    while ((await describeOrg("crowd")).use.concurrentRequests < 2) await new Promise((done) => setTimeout(done, 5));
    const { status, headers, body } = await call("/crowd/x");
    assert.deepEqual([status, body.code], [429, "CONCURRENCY_LIMITED"]);
    assert.equal(headers["retry-after"], "1");
    assert.equal(headers["ratelimit-policy"], '"concurrent-requests";q=2;qu="concurrent-requests"');
    for (const answer of await Promise.all(slow)) assert.equal(answer.status, 200);
    assert.equal((await call("/crowd/x")).status, 200);
    assert.equal((await describeOrg("crowd")).use.concurrentRequests, 0);
  });

  test("who goes away, fails or is refused is counted no longer", async () => {
    await register("gone/x", { bodyLimit: "10" });
    await limit("gone", { concurrentRequests: 5 });
    for (let i = 0; i < 5; i++) assert.equal((await call("/gone/x", "more than ten bytes")).status, 413);
    const { hostname, port } = new URL(server.url);
    for (let i = 0; i < 4; i++) {
      const socket = connect(Number(port), hostname);
      socket.write("GET /gone/x/slow HTTP/1.1\r\nHost: x\r\n\r\n");
      while ((await describeOrg("gone")).use.concurrentRequests === 0) await new Promise((done) => setTimeout(done, 5));
      socket.destroy();
      while ((await describeOrg("gone")).use.concurrentRequests > 0) await new Promise((done) => setTimeout(done, 5));
    }
    assert.equal((await call("/gone/x")).status, 200);
  });

  test("a body over the limit: 413, before a replica is woken where its length is known, else while it streams", async () => {
    await register("body/x");
    await limit("body", { bodySize: "1Ki" });
    const sized = await call("/body/x", "x".repeat(1025));
    assert.deepEqual([sized.status, sized.body.code], [413, "BODY_TOO_LARGE"]);
    assert.match(sized.body.detail, /at most 1Ki, got more; that is the limit of the organization "body"$/);
    assert.deepEqual((await server.send("GET", "/-/orgs/body/endpoints/x/replicas")).body.replicas, []);
    const chunked = await call("/body/x", ["x".repeat(1000), "x".repeat(100)]);
    assert.deepEqual([chunked.status, chunked.body.code], [413, "BODY_TOO_LARGE"]);
    assert.equal((await call("/body/x", "x".repeat(1024))).status, 200);
    assert.equal((await call("/body/x", ["x".repeat(1000), "x".repeat(24)])).status, 200);
    // An endpoint's own, smaller one holds on.
    await register("body/small", { bodyLimit: "10" });
    assert.match((await call("/body/small", "x".repeat(11))).body.detail, /at most 10 bytes, got more; "faas deploy/);
  });

  test("refusals of who calls again at once are held back, and answered all the same", async () => {
    await register("storm/x");
    await limit("storm", { concurrentRequests: 0 });
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 300 }, () => call("/storm/x")));
    assert.ok(answers.every(({ status }) => status === 429));
    // 100 at once, then 500 a second.
    assert.ok(performance.now() - began > 250, `${performance.now() - began} ms`);
  });
});

describe("deployments", () => {
  for (const [what, limits, settings, expected] of [
    ["endpoints", { endpoints: 1 }, {}, { limit: "endpoints", used: 1, asked: 1, allowed: 1 }],
    ["replicas", { replicas: 4 }, { replicas: 3 }, { limit: "replicas", used: 2, asked: 3, allowed: 4 }],
    ["cpu", { cpu: "500m" }, { replicas: 1, cpu: "301m" }, { limit: "cpu", used: 200, asked: 301, allowed: 500 }],
    [
      "memory",
      { memory: "640Mi" },
      { replicas: 1 },
      { limit: "memory", used: 2 ** 29, asked: 2 ** 28, allowed: 640 * 2 ** 20 },
    ],
  ] as const) {
    test(`over the limit of ${what}: refused with what is used, asked and allowed; what there is goes on`, async () => {
      const org = `deploy-${what}`;
      assert.equal((await register(`${org}/first`, { replicas: 2, maxReplicas: 2 })).status, 201);
      await limit(org, limits);
      const { status, problem } = await register(`${org}/second`, settings);
      assert.deepEqual([status, problem.code], [409, "LIMIT_EXCEEDED"], JSON.stringify(problem));
      const { limit: name, used, asked, allowed } = problem;
      assert.deepEqual({ limit: name, used, asked, allowed }, expected);
      assert.equal((await server.send("GET", `/-/orgs/${org}/endpoints/second`)).status, 404);
      // What takes no more than before is never refused.
      await limit(org, { endpoints: 0, replicas: 0 });
      assert.equal((await register(`${org}/first`, { replicas: 2, maxReplicas: 2, env: { A: "b" } })).status, 200);
      assert.equal((await register(`${org}/first`, { replicas: 3 })).status, 409);
    });
  }

  test("of many at once only as many as there is room for are let in", async () => {
    await limit("rush", { endpoints: 3 });
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => register(`rush/e${i}`)));
    assert.equal(answers.filter(({ status }) => status === 201).length, 3);
    assert.equal(answers.filter(({ problem }) => problem.code === "LIMIT_EXCEEDED").length, 7);
    assert.equal((await describeOrg("rush")).use.endpoints, 3);
  });

  test("the scaler never has more replicas than the limit, says so, and takes no other endpoint's", async () => {
    await limit("scaled", { replicas: 3 });
    await register("scaled/kept", { replicas: 1, idleTimeout: "100ms" });
    await register("scaled/x", { replicas: 1, concurrency: 1, maxReplicas: 10 });
    let most = 0;
    let isOver = false;
    const callers = Array.from({ length: 12 }, async () => {
      while (!isOver) assert.equal((await call("/scaled/x/slow")).status, 200);
    });
    let limited: string | undefined;
    const deadline = Date.now() + 15_000;
    while (Date.now() < deadline && (limited === undefined || most < 2)) {
      const view = (await server.send("GET", "/-/orgs/scaled/endpoints/x")).body;
      limited ??= view.limited;
      most = Math.max(most, view.replicas.length);
      await new Promise((done) => setTimeout(done, 20));
    }
    // The other one, that sleeps, has its own all the same.
    assert.equal((await call("/scaled/kept")).status, 200);
    isOver = true;
    await Promise.all(callers);
    assert.equal(most, 2);
    assert.match(limited ?? "", /may have 2: the organization's limit is 3 replicas, and its other endpoints have/);
  });

  test("limits that are lowered end replicas, and those that are raised give them back", async () => {
    await register("changed/x", { replicas: 3, scaler: "fixed", idleTimeout: "never" });
    const replicas = async (count: number) => {
      const deadline = Date.now() + 10_000;
      for (;;) {
        const view = (await server.send("GET", "/-/orgs/changed/endpoints/x")).body;
        if (view.replicas.filter(({ ready }: { ready: boolean }) => ready).length === count) return view;
        assert.ok(Date.now() < deadline, JSON.stringify(view));
        await new Promise((done) => setTimeout(done, 20));
      }
    };
    await replicas(3);
    await limit("changed", { cpu: "150m" });
    assert.match(
      (await replicas(1)).limited,
      /^It wants 3 replicas, and may have 1: the organization's limit is 150m CPU/,
    );
    assert.equal((await call("/changed/x")).status, 200);
    await limit("changed", { cpu: null });
    assert.equal((await replicas(3)).limited, undefined);
  });

  test("no room for a first replica: a call is told so; with room it is answered", async () => {
    await register("full/x");
    await limit("full", { replicas: 0 });
    const { status, body, headers } = await call("/full/x");
    assert.deepEqual([status, body.code, headers["retry-after"]], [503, "REPLICAS_LIMITED", "1"]);
    await limit("full", { replicas: 1 });
    assert.equal((await call("/full/x")).status, 200);
    await limit("full", { replicas: 0 });
    assert.equal((await describeOrg("full")).use.replicas, 0);
  });
});

describe("stored bundles", () => {
  const big = (name: string) => functionBundle(`export const handler = () => "${name}";\n//${"x".repeat(100_000)}`);

  test("an upload over the limit is refused before it is stored, with or without a length; the same bundle counts for each", async () => {
    const [one, two] = [await big("one"), await big("two")];
    await limit("stored", { bundleBytes: String(one.length + 10_000) });
    await limit("other", { bundleBytes: String(one.length + 10_000) });
    const [token, theirs] = [await server.key("stored", "deploy"), await server.key("other", "deploy")];
    assert.equal((await server.upload(one, digestOf(one), token)).status, 201);
    assert.equal((await server.upload(one, digestOf(one), theirs)).status, 201);
    for (const org of ["stored", "other"]) {
      const { use } = await describeOrg(org);
      assert.ok(Math.abs(use.bundleBytes - one.length) <= 512, `${use.bundleBytes} of ${one.length}`);
    }
    const refused = await server.upload(two, digestOf(two), token);
    assert.deepEqual([refused.status, refused.problem.code], [409, "LIMIT_EXCEEDED"]);
    assert.equal(refused.problem.limit, "bundleBytes");
    const chunked = await fetch(`${server.url}/-/bundles/${digestOf(two)}`, {
      method: "PUT",
      headers: { Authorization: `Bearer ${token}` },
      body: new Blob([new Uint8Array(two)]).stream(),
      duplex: "half",
    });
    assert.deepEqual([chunked.status, ((await chunked.json()) as Problem).code], [409, "LIMIT_EXCEEDED"]);
    const headers = { Authorization: `Bearer ${server.adminToken}` };
    assert.equal((await fetch(`${server.url}/-/bundles/${digestOf(two)}`, { method: "HEAD", headers })).status, 404);
    // What it has counts once.
    assert.equal((await server.upload(one, digestOf(one), token)).status, 200);
  });

  test("an admin says for whom; a bundle that is there is not named over the limit either", async () => {
    const three = await big("three");
    await limit("named", { bundleBytes: "1Ki" });
    const upload = (query: string) =>
      fetch(`${server.url}/-/bundles/${digestOf(three)}${query}`, {
        method: "PUT",
        headers: { Authorization: `Bearer ${server.adminToken}` },
        body: new Uint8Array(three),
      });
    assert.equal((await upload("?org=named")).status, 409);
    assert.equal((await upload("?org=No!")).status, 400);
    assert.equal((await upload("")).status, 201);
    const body = { artifact: { kind: "bundle", digest: digestOf(three) }, settings: { replicas: 0 } };
    const { status, problem } = await server.send("PUT", "/-/orgs/named/endpoints/x", body);
    assert.deepEqual([status, problem.code, problem.limit], [409, "LIMIT_EXCEEDED", "bundleBytes"]);
    const token = await server.key("named", "deploy");
    const elsewhere = await fetch(`${server.url}/-/bundles/${digestOf(three)}?org=stored`, {
      method: "PUT",
      headers: { Authorization: `Bearer ${token}` },
      body: new Uint8Array(three),
    });
    assert.deepEqual([elsewhere.status, ((await elsewhere.json()) as Problem).code], [404, "ORG_NOT_FOUND"]);
  });
});
