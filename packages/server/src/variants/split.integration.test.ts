import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { call as callUrl } from "../testing/call.ts";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Splits, tags, previews and revisions that are kept warm, through the HTTP interface. */

const server = await testControl();
const bundle = await functionBundle(
  "export const handler = ({ path }, { endpoint }) => [process.env.FAAS_REVISION, endpoint, path].join(' ');\n",
);
assert.equal((await server.upload(bundle)).status, 201);
const artifact = { kind: "bundle", digest: digestOf(bundle) };
const pathOf = (key: string) => `/-/orgs/${key.replace("/", "/endpoints/")}`;

/** Deploys a revision that differs by a variable, and waits until it is ready. */
async function deploy(key: string, value: string, more: object = {}, settings: object = {}): Promise<string> {
  const body = { artifact, settings: { keepWarm: "0s", ...settings }, variables: { env: { VALUE: value } }, ...more };
  const { status, body: response } = await server.send("PUT", pathOf(key), body);
  assert.ok(status < 300, JSON.stringify(response));
  await server.send("GET", `${pathOf(key)}?wait=${response.revision}`);
  return response.revision;
}

const viewOf = async (key: string) => (await server.send("GET", pathOf(key))).body;
const split = (key: string, shares: object, more: object = {}) =>
  server.send("PUT", `${pathOf(key)}/split`, { shares, ...more });

/** Calls a path, and returns the revision that responded. */
async function revisionAt(path: string): Promise<string> {
  const { status, body } = await callUrl(`${server.url}/${path}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body.split(" ")[0];
}

async function countsOf(path: string, calls: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let made = 0; made < calls; made++) {
    const revision = await revisionAt(path);
    counts[revision] = (counts[revision] ?? 0) + 1;
  }
  return counts;
}

test("a split divides calls between revisions, which are listed with the endpoint, until it ends", async () => {
  const key = "split/x";
  const [old, next] = [await deploy(key, "1"), await deploy(key, "2")];
  const { status, body } = await split(key, { [old]: 75, [next.slice(0, 8)]: 25 });
  assert.deepEqual([status, body.serving, body.shares], [200, next, { [old]: 75, [next]: 25 }]);
  assert.deepEqual(await countsOf(key, 20), { [old]: 15, [next]: 5 });
  assert.match((await callUrl(`${server.url}/${key}/a`)).body, / x \/a$/);

  const view = await viewOf(key);
  assert.deepEqual(new Set(view.replicas.map(({ revision }: { revision: string }) => revision)), new Set([old, next]));
  assert.deepEqual((await server.send("GET", "/-/orgs/split/endpoints")).body.endpoints.length, 1);
  const [stats] = (await server.send("GET", "/-/orgs/split/stats")).body.endpoints;
  const byRevision = Object.fromEntries(
    stats.revisions.map((each: { revision: string; requests: number }) => [each.revision, each.requests]),
  );
  assert.deepEqual([stats.endpoint, stats.requests], ["x", byRevision[old] + byRevision[next]]);
  const metrics: string = (await server.send("GET", "/-/metrics")).body;
  assert.match(metrics, new RegExp(`faas_requests_total\\{org="split",endpoint="x",revision="${old}",code="200"\\} 1`));
  assert.match(metrics, /^faas_endpoints 1$/m);
  const lines = (await server.send("GET", `${pathOf(key)}/logs?access=true`)).body.trim().split("\n");
  assert.deepEqual(new Set(lines.map((line: string) => JSON.parse(line).revision)), new Set([old, next]));

  assert.equal((await server.send("DELETE", `${pathOf(key)}/split`)).status, 200);
  assert.deepEqual(await countsOf(key, 5), { [next]: 5 });
  await eventually("the other revision ends", async () =>
    (await viewOf(key)).replicas.every(({ revision }: { revision: string }) => revision === next),
  );
});

test("a deployment ends the split when it is ready, and an endpoint is removed with all its revisions", async () => {
  const key = "ends/x";
  const [old, next] = [await deploy(key, "1"), await deploy(key, "2")];
  await split(key, { [old]: 100 });
  assert.equal(await revisionAt(key), old);
  const third = await deploy(key, "3");
  assert.deepEqual([await revisionAt(key), (await viewOf(key)).traffic], [third, undefined]);
  await split(key, { [next]: 50, [third]: 50 });
  await countsOf(key, 2);
  assert.equal((await server.send("DELETE", pathOf(key))).status, 204);
  assert.equal((await callUrl(`${server.url}/${key}@${next}`)).body.code, "ENDPOINT_NOT_FOUND");
  assert.equal((await callUrl(`${server.url}/${key}`)).status, 404);
});

test("a split is rejected that names an unknown revision, one twice, or does not add up", async () => {
  const key = "wrong/x";
  const one = await deploy(key, "1");
  const codeOf = async (shares: object, more: object = {}) => (await split(key, shares, more)).problem.code;
  assert.equal(await codeOf({ abc: 100 }), "REVISION_NOT_FOUND");
  assert.equal(await codeOf({ [one]: 50, [one.slice(0, 6)]: 50 }), "INVALID_REQUEST");
  for (const shares of [{ [one]: 99 }, { [one]: 101 }, { [one]: -1 }, {}])
    assert.equal(await codeOf(shares), "INVALID_REQUEST", JSON.stringify(shares));
  assert.equal(await codeOf({ [one]: 100 }, { sticky: "session" }), "INVALID_REQUEST");
  const long = `wrong/${"x".repeat(51)}`;
  const { problem } = await split(long, { [await deploy(long, "1")]: 100 });
  assert.match(problem.detail, /names of at most 50 characters/);
});

test("a tag has an address, can be moved and removed", async () => {
  const key = "tagged/x";
  const [old, next] = [await deploy(key, "1"), await deploy(key, "2")];
  const tag = (method: string, revision?: string) =>
    server.send(method, `${pathOf(key)}/tags/stable`, revision === undefined ? undefined : { revision });
  assert.deepEqual((await tag("PUT", old)).body.tags, { stable: old });
  assert.deepEqual([await revisionAt(`${key}@stable`), await revisionAt(key)], [old, next]);
  assert.deepEqual((await tag("PUT", next)).body.tags, { stable: next });
  assert.equal(await revisionAt(`${key}@stable/a`), next);
  await tag("PUT", old);
  assert.equal((await server.send("POST", `${pathOf(key)}/rollback`, { revision: "stable" })).body.revision, old);
  await tag("DELETE");
  assert.equal((await callUrl(`${server.url}/${key}@stable`)).body.code, "REVISION_NOT_FOUND");
  assert.equal((await tag("DELETE")).problem.code, "REVISION_NOT_FOUND");
});

test("a tag of the serving revision leads to a replica at every moment of a deployment", async () => {
  const key = "retagged/x";
  const first = await deploy(key, "0");
  await server.send("PUT", `${pathOf(key)}/tags/stable`, { revision: first });
  for (let value = 1; value <= 5; value++) {
    let isOver = false;
    const deployed = deploy(key, String(value)).finally(() => {
      isOver = true;
    });
    while (!isOver) await revisionAt(`${key}@stable`);
    const revision = await deployed;
    await server.send("PUT", `${pathOf(key)}/tags/stable`, { revision });
  }
});

test("after a deployment the previous revision keeps a replica, and a rollback sends calls to it at once", async () => {
  const key = "back/x";
  const old = await deploy(key, "1", {}, { keepWarm: "1m" });
  const next = await deploy(key, "2", {}, { keepWarm: "1m" });
  const isOldReady = async (): Promise<boolean> => {
    const { otherReplicas = [] } = await viewOf(key);
    return otherReplicas.some((each: { revision: string; ready: boolean }) => each.revision === old && each.ready);
  };
  await eventually("the previous revision is kept warm", isOldReady);
  assert.equal((await viewOf(key)).traffic.keptWarm.revision, old);
  const { status } = await server.send("POST", `${pathOf(key)}/rollback`);
  const { body, headers } = await callUrl(`${server.url}/${key}`);
  assert.deepEqual([status, body.split(" ")[0], headers["x-cold-start"]], [200, old, undefined]);
  await server.send("GET", `${pathOf(key)}?wait=${old}`);
  const { revision, traffic } = await viewOf(key);
  assert.deepEqual([revision, traffic.shares, traffic.keptWarm.revision], [old, undefined, next]);
  assert.equal(await revisionAt(key), old);
});

test("a preview has an address and no calls, and expires with its tag", async () => {
  const key = "preview/x";
  const serving = await deploy(key, "1");
  const preview = await deploy(key, "2", { preview: { tag: "pr", expires: "2s" } });
  assert.deepEqual([await revisionAt(`${key}@pr`), await revisionAt(key)], [preview, serving]);
  assert.equal((await viewOf(key)).traffic.previews[0].revision, preview);
  await eventually("it has expired", async () => (await callUrl(`${server.url}/${key}@pr`)).status === 404);
  assert.equal((await viewOf(key)).traffic, undefined);
  const missing = await server.send("PUT", pathOf("preview/none"), { artifact, preview: {} });
  assert.equal(missing.problem.code, "ENDPOINT_NOT_FOUND");
});
