import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Problem } from "@faas/core";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Limits of an organization that apply to deployments and bundles, through the HTTP interface: set, shown, enforced, audited. */

const server = await testControl({ auth: true });
const bundle = await functionBundle("export const handler = () => 'fine';\n");
assert.equal((await server.upload(bundle)).status, 201);

const artifact = { kind: "bundle", digest: digestOf(bundle) };
const register = (key: string, settings: object = {}) => {
  const [org, endpoint] = key.split("/");
  const body = { artifact, settings: { visibility: "public", replicas: 0, ...settings } };
  return server.send("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, body);
};
const setLimits = async (org: string, limits: object) => {
  const { status, body } = await server.send("PUT", `/-/orgs/${org}`, { limits });
  assert.ok(status < 300, JSON.stringify(body));
  return body;
};
const describeOrg = async (org: string) => (await server.send("GET", `/-/orgs/${org}`)).body;

describe("limits are set and shown", () => {
  test("fields that are given change, null removes, others stay; a key with the scope read sees limits and use", async () => {
    await setLimits("shown", { endpoints: 3, cpu: "2", requestsPerSecond: 0.5, burst: 4 });
    await setLimits("shown", { cpu: null, memory: "1Gi", warmPods: 2 });
    await register("shown/one", { replicas: 2, cpu: "250m", idleTimeout: "1h" });
    const token = await server.key("shown", "read");
    const { status, body } = await server.send("GET", "/-/orgs/shown", undefined, token);
    assert.equal(status, 200);
    assert.deepEqual(body.limits, { endpoints: 3, memory: "1Gi", requestsPerSecond: 0.5, burst: 4, warmPods: 2 });
    assert.deepEqual(body.defaultLimits, {
      ...{ concurrentRequests: 10_000, revisions: 20 },
      ...{ waitingCalls: 100_000, waitingBytes: "1Gi" },
    });
    const { bundleBytes, ...use } = body.use;
    assert.deepEqual(use, {
      endpoints: 1,
      replicas: 2,
      cpu: "500m",
      memory: "512Mi",
      disk: "2Gi",
      requestsPerSecond: 0,
      concurrentRequests: 0,
      waitingCalls: 0,
      waitingBytes: 0,
    });
    assert.ok(Math.abs(bundleBytes - bundle.length) <= 512, `${bundleBytes} of a tar of ${bundle.length}`);
    const { limits } = await setLimits("shown", { requestsPerSecond: null, warmPods: null });
    assert.deepEqual(limits, { endpoints: 3, memory: "1Gi" });
  });

  for (const [what, limits, expected] of [
    ["a number as text", { endpoints: "3" }, /"limits.endpoints": expected a number, got "3"/],
    ["a negative number", { replicas: -1 }, /"limits.replicas": expected 0 or more, got -1/],
    ["text that is not a quantity", { cpu: "much" }, /"limits.cpu": expected a CPU quantity such as 500m or 4/],
    ["text that is not a size", { bodySize: "1MB" }, /"limits.bodySize": expected a size such as 512Mi or 8Gi/],
    ["a rate of zero", { requestsPerSecond: 0 }, /"limits.requestsPerSecond": expected 0.01 or more, got 0/],
    ["an unknown limit", { request: 1 }, /unknown field "request"/],
    ["a burst without a rate", { burst: 5 }, /expected "burst" together with "requestsPerSecond", got 5 alone/],
  ] as const) {
    test(`${what} is rejected`, async () => {
      const { status, problem } = await server.send("PUT", "/-/orgs/wrong", { limits });
      assert.deepEqual([status, problem.code], [400, "INVALID_REQUEST"]);
      assert.match(problem.detail, expected);
      assert.equal((await server.send("GET", "/-/orgs/wrong")).status, 404);
    });
  }

  test("only an admin can set them, and the audit log has the values before and after", async () => {
    await setLimits("audited", { endpoints: 1 });
    const token = await server.key("audited", "deploy");
    const rejected = await server.send("PUT", "/-/orgs/audited", { limits: { endpoints: 100 } }, token);
    assert.equal(rejected.status, 403);
    await setLimits("audited", { endpoints: 2 });
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
    [
      "disk",
      { disk: "2560Mi" },
      { replicas: 1 },
      { limit: "disk", used: 2 ** 31, asked: 2 ** 30, allowed: 2.5 * 2 ** 30 },
    ],
  ] as const) {
    test(`over the limit of ${what} are rejected with the used, requested and allowed amounts; others keep serving`, async () => {
      const org = `deploy-${what}`;
      assert.equal((await register(`${org}/first`, { replicas: 2, maxReplicas: 2 })).status, 201);
      await setLimits(org, limits);
      const { status, problem } = await register(`${org}/second`, settings);
      assert.deepEqual([status, problem.code], [409, "LIMIT_EXCEEDED"], JSON.stringify(problem));
      const { limit: name, used, asked, allowed } = problem;
      assert.deepEqual({ limit: name, used, asked, allowed }, expected);
      assert.equal((await server.send("GET", `/-/orgs/${org}/endpoints/second`)).status, 404);
      // A deployment that takes no more than its predecessor is never rejected.
      await setLimits(org, { endpoints: 0, replicas: 0 });
      assert.equal((await register(`${org}/first`, { replicas: 2, maxReplicas: 2, env: { A: "b" } })).status, 200);
      assert.equal((await register(`${org}/first`, { replicas: 3, maxReplicas: 3 })).status, 409);
    });
  }

  test("at the same time are admitted up to the limit", async () => {
    await setLimits("rush", { endpoints: 3 });
    const responses = await Promise.all(Array.from({ length: 10 }, (_, i) => register(`rush/e${i}`)));
    assert.equal(responses.filter(({ status }) => status === 201).length, 3);
    assert.equal(responses.filter(({ problem }) => problem.code === "LIMIT_EXCEEDED").length, 7);
    assert.equal((await describeOrg("rush")).use.endpoints, 3);
  });
});

describe("stored bundles", () => {
  const big = (name: string) => functionBundle(`export const handler = () => "${name}";\n//${"x".repeat(100_000)}`);

  test("over the limit are rejected before they are stored, with or without a length; a shared bundle counts for each", async () => {
    const [one, two] = [await big("one"), await big("two")];
    await setLimits("stored", { bundleBytes: String(one.length + 10_000) });
    await setLimits("other", { bundleBytes: String(one.length + 10_000) });
    const [token, theirs] = [await server.key("stored", "deploy"), await server.key("other", "deploy")];
    assert.equal((await server.upload(one, digestOf(one), token)).status, 201);
    assert.equal((await server.upload(one, digestOf(one), theirs)).status, 201);
    for (const org of ["stored", "other"]) {
      const { use } = await describeOrg(org);
      assert.ok(Math.abs(use.bundleBytes - one.length) <= 512, `${use.bundleBytes} of ${one.length}`);
    }
    const rejected = await server.upload(two, digestOf(two), token);
    assert.deepEqual([rejected.status, rejected.problem.code], [409, "LIMIT_EXCEEDED"]);
    assert.equal(rejected.problem.limit, "bundleBytes");
    const chunked = await fetch(`${server.url}/-/bundles/${digestOf(two)}`, {
      method: "PUT",
      headers: { Authorization: `Bearer ${token}` },
      body: new Blob([new Uint8Array(two)]).stream(),
      duplex: "half",
    });
    assert.deepEqual([chunked.status, ((await chunked.json()) as Problem).code], [409, "LIMIT_EXCEEDED"]);
    const headers = { Authorization: `Bearer ${server.adminToken}` };
    assert.equal((await fetch(`${server.url}/-/bundles/${digestOf(two)}`, { method: "HEAD", headers })).status, 404);
    // A bundle counts once per organization.
    assert.equal((await server.upload(one, digestOf(one), token)).status, 200);
  });

  test("uploaded by an admin count for the organization in the query; deployments of existing bundles count too", async () => {
    const three = await big("three");
    await setLimits("named", { bundleBytes: "1Ki" });
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
