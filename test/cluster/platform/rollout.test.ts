import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Artifact } from "@faas/core";
import { type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import type { V1Pod } from "@kubernetes/client-node";
import { Agent, request } from "undici";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";

const CLIENTS = 8;

/** Description of a failed request; `undefined` for a successful one. */
type Outcome = string | undefined;

interface Event extends KubernetesObject {
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

describe("requests during changes of replicas", { concurrency: 2 }, () => {
  test("do not fail while three revisions roll out", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    const revision = (text: string) =>
      server.instance.image(`export const handler = ({ body }) => "${text} " + (body ?? "");\n`);
    const texts = ["one", "two", "three", "four"];
    const images: Artifact[] = [];
    for (const text of texts) images.push(await revision(text));
    const settings = { replicas: 2, maxReplicas: 2 };
    await server.serve(`${org}/rolls`, images[0] as Artifact, settings);

    const agent = new Agent({ connections: CLIENTS });
    const counts: Record<string, number> = {};
    const failures: string[] = [];
    let done = false;
    let calls = 0;
    const call = async (number: number): Promise<Outcome> => {
      const sent = number % 2 === 0 ? undefined : `body ${number}`;
      const { statusCode, body } = await request(`${server.url}/${org}/rolls`, {
        method: sent === undefined ? "GET" : "POST",
        ...(sent === undefined ? {} : { body: sent, headers: { "content-type": "text/plain" } }),
        dispatcher: agent,
      });
      const text = await body.text();
      const [, name, echoed] = /^(\w+) (.*)$/s.exec(text) ?? [];
      if (statusCode !== 200 || echoed !== (sent ?? "")) return `${statusCode} ${text}`;
      counts[name as string] = (counts[name as string] ?? 0) + 1;
      return undefined;
    };
    const load = Array.from({ length: CLIENTS }, async () => {
      while (!done) {
        const failure = await call(calls++).catch((error) => String(error.cause ?? error));
        if (failure !== undefined) failures.push(failure);
        // Limits the load on the machine.
        await delay(10);
      }
    });
    try {
      for (const [index, text] of texts.entries()) {
        if (index > 0) await server.serve(`${org}/rolls`, images[index] as Artifact, settings);
        await eventually(`100 responses of ${text}`, () => (counts[text] ?? 0) >= 100);
      }
      // The replicas of the last but one revision drain under load too.
      await eventually("previous replicas are gone", async () => (await server.pods(`${org}/rolls`)).length <= 2);
    } finally {
      done = true;
      await Promise.all(load);
      await agent.close();
    }
    assert.deepEqual(failures, []);
    assert.deepEqual(Object.keys(counts), texts);
  });

  test("do not fail while a pod that was deleted by hand terminates", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    const image = await server.instance.image(
      'export const handler = async () => { console.log("begun"); await new Promise((done) => setTimeout(done, 2_000)); return "slow"; };\n',
    );
    await server.serve(`${org}/slow`, image, { replicas: 1 });
    const [pod] = await server.pods(`${org}/slow`);
    const post = () => server.request(`${org}/slow`, { method: "POST", body: "x" });
    const answers = [post()];
    const hasBegun = async () => (await server.logs(`${org}/slow`)).some(({ line }) => line === "begun");
    await eventually("the function handles the request", hasBegun);
    await server.api.delete("Pod", `faas-${org}`, pod?.metadata?.name as string);
    // More requests arrive while it terminates, and while there is no other replica yet.
    await eventually("the pod is gone", async () => {
      answers.push(post());
      await delay(200);
      return (await server.pods(`${org}/slow`)).every(({ metadata }) => metadata?.uid !== pod?.metadata?.uid);
    });
    for (const answer of await Promise.all(answers)) {
      assert.equal(await answer.text(), "slow");
      assert.equal(answer.status, 200);
    }
    assert.equal((await server.pods(`${org}/slow`)).length, 1);
  });

  test("200 simultaneous ones to an endpoint without replicas cause one scale-up, and all are answered", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    const image = await server.instance.image('export const handler = () => "warm";\n');
    await server.serve(`${org}/cold`, image, { replicas: 0, scaler: "fixed" });
    const before = await server.deployment(`${org}/cold`);
    assert.equal(before.spec?.replicas, 0);
    const answers = await Promise.all(Array.from({ length: 200 }, () => server.request(`${org}/cold`)));
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.deepEqual([...new Set(texts)], ["warm"]);
    const after = await server.deployment(`${org}/cold`);
    assert.equal(after.spec?.replicas, 1);
    // The generation counts the changes of the spec.
    assert.equal(after.metadata?.generation, (before.metadata?.generation ?? 0) + 1);
    assert.equal((await server.pods(`${org}/cold`)).length, 1);
    const { items } = await server.api.call<{ items: Event[] }>("GET", `/api/v1/namespaces/faas-${org}/events`);
    const scaled = items.filter((event) => event.reason === "ScalingReplicaSet").map(({ message }) => message);
    assert.equal(scaled.length, 1, scaled.join("\n"));
    assert.match(scaled[0] as string, /Scaled up replica set \S+ from 0 to 1$/);
  });

  test("do not fail if an autoscaler removes replicas during a rollout", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    // Each replica takes a different time to start, so that some serve while others are starting.
    const revision = (text: string) =>
      server.instance.image(
        `await new Promise((done) => setTimeout(done, 500 + Math.random() * 3_000));
export const handler = async () => { await new Promise((done) => setTimeout(done, 200)); return "${text}"; };\n`,
      );
    const settings = { scaler: "cpu", replicas: 1, maxReplicas: 4, idleTimeout: "never" } as const;
    await server.serve(`${org}/scaled`, await revision("first"), settings);
    /** Sets the number of replicas as an autoscaler does. */
    const scale = (replicas: number) =>
      server.api.call("PATCH", `${pathOf("Deployment", `faas-${org}`, "scaled")}/scale`, {
        body: { spec: { replicas } },
        contentType: "application/merge-patch+json",
        query: { fieldManager: "autoscaler" },
      });
    const isReady = ({ metadata, status }: V1Pod) =>
      !metadata?.deletionTimestamp &&
      status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True");
    const failures: string[] = [];
    let done = false;
    const load = Array.from({ length: CLIENTS }, async () => {
      while (!done) {
        const answer = await server.request(`${org}/scaled`).catch((error) => String(error.cause ?? error));
        if (typeof answer === "string") failures.push(answer);
        else if (answer.status !== 200) failures.push(`${answer.status} ${await answer.text()}`);
        else await answer.text();
      }
    });
    try {
      for (const [round, readyOfNew] of [0, 1, 2].entries()) {
        await scale(4);
        const countReady = async () => (await server.pods(`${org}/scaled`)).filter(isReady).length;
        await eventually("four ready replicas", async () => (await countReady()) >= 4);
        const before = new Set((await server.pods(`${org}/scaled`)).map(({ metadata }) => metadata?.uid));
        const deploying = server.serve(`${org}/scaled`, await revision(`next ${round}`), settings);
        await eventually(`${readyOfNew} ready replicas of the new revision`, async () => {
          const fresh = (await server.pods(`${org}/scaled`)).filter(({ metadata }) => !before.has(metadata?.uid));
          return fresh.length > 0 && fresh.filter(isReady).length >= readyOfNew;
        });
        await scale(1);
        await deploying;
        // The remaining replica of the new revision may not be ready yet: then one of the previous revision still answers.
        const isNext = async () => (await server.text(`${org}/scaled`)) === `next ${round}`;
        await eventually("the new revision answers", isNext);
      }
    } finally {
      done = true;
      await Promise.all(load);
    }
    assert.deepEqual(failures, []);
  });
});
