import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { EndpointView } from "@faas/core";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";

/** Revisions that run beside the serving one, as Deployments of their own. */

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());

const CODE = "export const handler = (_, { endpoint }) => [process.env.FAAS_REVISION, endpoint].join(' ');\n";

/** Deploys two revisions of an endpoint that differ by a variable; returns their ids. */
async function twoRevisions(key: string, settings: object = {}): Promise<readonly [old: string, next: string]> {
  const image = await server.instance.image(CODE);
  const views: EndpointView[] = [];
  for (const VALUE of ["1", "2"])
    views.push(await server.serve(key, image, { keepWarm: "0s", ...settings, env: { VALUE } }));
  return [views[0]?.revision ?? "", views[1]?.revision ?? ""];
}

const split = (key: string, shares: object) =>
  server.send("PUT", `/-/orgs/${key.replace("/", "/endpoints/")}/split`, { shares });

async function countsOf(target: string, calls: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let made = 0; made < calls; made++) {
    const [revision = ""] = (await server.text(target)).split(" ");
    counts[revision] = (counts[revision] ?? 0) + 1;
  }
  return counts;
}

const kindsIn = async (org: string, name: string) =>
  (["Deployment", "Service"] as const).map(
    async (kind) => (await server.api.list(kind, `faas-${org}`, `faas/endpoint=${name}`)).length,
  );

describe("a revision beside the serving one", { concurrency: 2 }, () => {
  test("has a Deployment of its own, gets its share of the calls, and goes with the split", async () => {
    const org = server.org();
    const key = `${org}/${"long-name-".repeat(5).slice(0, 49)}x`;
    const [old, next] = await twoRevisions(key);
    const { status, problem } = await split(key, { [old]: 25, [next]: 75 });
    assert.equal(status, 200, JSON.stringify(problem));
    assert.deepEqual(await countsOf(key, 20), { [old]: 5, [next]: 15 });
    assert.match(await server.text(key), new RegExp(` ${key.split("/")[1]}$`));
    const variant = `${key.split("/")[1]}.${old}`;
    assert.deepEqual(await Promise.all(await kindsIn(org, variant)), [1, 1]);
    // The serving revision's Service and pods are its own.
    await eventually("the pod of the deployment before has ended", async () => (await server.pods(key)).length === 1);
    await server.send("DELETE", `/-/orgs/${key.replace("/", "/endpoints/")}/split`);
    assert.deepEqual(await countsOf(key, 4), { [next]: 4 });
    await eventually("the objects of the other revision are removed", async () =>
      (await Promise.all(await kindsIn(org, variant))).every((count) => count === 0),
    );
  });

  test("answers at once after a rollback to it, while it is kept warm, and no call fails", async () => {
    const key = `${server.org()}/back`;
    const [old, next] = await twoRevisions(key, { keepWarm: "10m" });
    const isWarm = ({ otherReplicas = [] }: EndpointView) =>
      otherReplicas.some(({ revision, ready }) => revision === old && ready);
    await server.waitFor(key, "the previous revision is kept warm", isWarm);
    await split(key, { [old]: 10, [next]: 90 });
    assert.deepEqual(await countsOf(key, 20), { [old]: 2, [next]: 18 });

    const path = `/-/orgs/${key.replace("/", "/endpoints/")}`;
    assert.equal((await server.send("POST", `${path}/rollback`)).status, 200);
    const first = await server.request(key);
    assert.deepEqual([(await first.text()).split(" ")[0], first.headers.get("x-cold-start")], [old, null]);
    let isOver = false;
    const over = server
      .waitFor(key, "the endpoint serves it", ({ revision, deploying }) => revision === old && deploying === undefined)
      .finally(() => {
        isOver = true;
      });
    const answered = new Set<string>();
    while (!isOver) answered.add((await server.text(key)).split(" ")[0] ?? "");
    assert.equal((await over).traffic?.keptWarm?.revision, next);
    assert.deepEqual([...answered], [old]);
  });

  test("survives a restart of the server, and is removed with the endpoint", async () => {
    await using own = await ClusterServer.start();
    const org = own.org();
    const key = `${org}/x`;
    const image = await own.instance.image(CODE);
    const old = (await own.serve(key, image, { keepWarm: "10m", env: { VALUE: "1" } })).revision;
    const next = (await own.serve(key, image, { keepWarm: "10m", env: { VALUE: "2" } })).revision;
    const isWarm = ({ otherReplicas = [] }: EndpointView) =>
      otherReplicas.some(({ revision, ready }) => revision === old && ready);
    await own.waitFor(key, "the previous revision is kept warm", isWarm);
    await own.stop();
    await own.start();
    const isServing = ({ replicas }: EndpointView) =>
      replicas.some(({ revision, ready }) => revision === next && ready);
    await own.waitFor(key, "both revisions are ready", (view) => isWarm(view) && isServing(view));
    const cold = await own.request(`${key}@${old}`);
    assert.deepEqual([cold.status, cold.headers.get("x-cold-start")], [200, null]);
    assert.equal((await own.send("DELETE", `/-/orgs/${org}/endpoints/x`)).status, 204);
    await eventually("all pods are gone", async () => (await own.pods(`${org}/x.${old}`)).length === 0);
  });
});
