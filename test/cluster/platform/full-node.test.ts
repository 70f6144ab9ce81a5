import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Artifact, parseCpu } from "@faas/core";
import type { V1Node } from "@kubernetes/client-node";
import { ClusterServer } from "../cluster-server.ts";
import { eventuallyHolds } from "../eventually.ts";

/** Cold starts and calls while the nodes have no room for another pod. */

const SOURCE = `export const handler = async ({ path }) => {
  if (path === "/slow") await new Promise((resolve) => setTimeout(resolve, 45_000));
  return "fine";
};
`;
const ROUNDS = 4;
/** Endpoints, of which a node has room for five at most. */
const NAMES = ["a", "b", "c", "d", "e", "f"];
/** CPU limits per CPU request. */
const LIMIT_RATIO = 4;

describe("a full node", () => {
  let control: ClusterServer;
  let image: Artifact;
  let nodes: readonly V1Node[];
  before(async () => {
    control = await ClusterServer.start();
    image = await control.instance.image(SOURCE);
    nodes = (await control.api.call<{ items: V1Node[] }>("GET", "/api/v1/nodes")).items;
  });
  after(() => control[Symbol.asyncDispose]());

  /** Creates an organization whose endpoints may use all CPUs. */
  const newOrg = async () => {
    const org = control.org();
    await control.send("PUT", `/-/orgs/${org}`, { limits: { cpu: "1000" } });
    return org;
  };
  /** Returns the CPU limit of an endpoint whose replica reserves a part of a node. */
  const cpuOf = (part: number) => {
    const millis = parseCpu(nodes[0]?.status?.allocatable?.cpu ?? "") ?? 0;
    return `${Math.floor(millis * part * LIMIT_RATIO)}m`;
  };

  test("answers every call of six cold endpoints, in each of four rounds: idle replicas give way", async (t) => {
    if (nodes.length !== 1) return t.skip("the cluster has several nodes");
    const org = await newOrg();
    for (const name of NAMES) await control.serve(`${org}/${name}`, image, { cpu: cpuOf(1 / 5) });
    for (let round = 0; round < ROUNDS; round++) {
      const answers = await Promise.all(NAMES.map((name) => control.call(`${org}/${name}`)));
      assert.deepEqual(
        answers,
        NAMES.map(() => ({ status: 200, text: "fine" })),
      );
    }
  });

  test("rejects a call for which nothing becomes idle, and says what it waited for", async (t) => {
    if (nodes.length !== 1) return t.skip("the cluster has several nodes");
    const org = await newOrg();
    const settings = { cpu: cpuOf(0.55), timeout: "60s" };
    for (const name of ["busy", "late"]) await control.serve(`${org}/${name}`, image, settings);
    const slow = control.request(`${org}/busy/slow`);
    await control.waitFor(`${org}/busy`, "a call in flight", ({ replicas }) => replicas[0]?.inFlight === 1);
    const late = control.call(`${org}/late`);
    const { limited } = await control.waitFor(`${org}/late`, "the reason", (view) => view.limited !== undefined);
    assert.match(limited ?? "", /^1 of 1 replicas wait for room: .*Insufficient cpu/);
    const { status, text } = await late;
    assert.equal(status, 503, text);
    const { code, detail } = JSON.parse(text);
    assert.equal(code, "UNSCHEDULABLE");
    assert.match(detail, /Insufficient cpu.*It waited 30 s for room, and the replicas that have it were not idle$/);
    // A later call waits again, and gets the room when the other one has ended.
    const later = eventuallyHolds(
      "an answer",
      () => control.call(`${org}/late`),
      (answer) => answer.status === 200,
    );
    assert.equal((await slow).status, 200);
    assert.equal((await later).text, "fine");
  });
});
