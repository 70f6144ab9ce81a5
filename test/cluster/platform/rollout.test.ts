import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import type { V1Pod } from "@kubernetes/client-node";
import { Agent, request } from "undici";
import { LIMIT_MS } from "../cluster.ts";
import { ClusterServer } from "../cluster-server.ts";
import { until } from "../until.ts";

const CLIENTS = 8;

/** What went wrong with a request; undefined when it was answered as it should. */
type Outcome = string | undefined;

interface Event extends KubernetesObject {
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

describe("requests while replicas come and go", { concurrency: 2 }, () => {
  test("three revisions roll under load without a failed request", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    const revision = (text: string) =>
      server.instance.image(`export const handler = ({ body }) => "${text} " + (body ?? "");\n`);
    const images = [];
    for (const text of ["one", "two", "three", "four"]) images.push(await revision(text));
    const settings = { replicas: 2, maxReplicas: 2 };
    await server.serve(`${org}/rolls`, images[0] as (typeof images)[0], settings);

    const agent = new Agent({ connections: CLIENTS });
    const seen = new Set<string>();
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
      seen.add(name as string);
      return undefined;
    };
    const load = Array.from({ length: CLIENTS }, async () => {
      while (!done) {
        const failure = await call(calls++).catch((error) => String(error.cause ?? error));
        if (failure !== undefined) failures.push(failure);
        // Load, not a benchmark: the machine has other things to do.
        await delay(10);
      }
    });
    try {
      for (const image of images.slice(1)) await server.serve(`${org}/rolls`, image, settings);
      // The replicas before the last ones drain under load too.
      const deadline = Date.now() + LIMIT_MS;
      while ((await server.pods(`${org}/rolls`)).length > 2) {
        assert.ok(Date.now() < deadline, "the former replicas are still there");
        await delay(200);
      }
    } finally {
      done = true;
      await Promise.all(load);
      await agent.close();
    }
    assert.deepEqual(failures, []);
    assert.deepEqual([...seen], ["one", "two", "three", "four"]);
    assert.ok(calls > 300, `${calls} requests are no load`);
  });

  test("a pod that is deleted by hand answers what it has", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    const image = await server.instance.image(
      'export const handler = async () => { await new Promise((done) => setTimeout(done, 1_000)); return "slow"; };\n',
    );
    await server.serve(`${org}/slow`, image, { replicas: 1 });
    const [pod] = await server.pods(`${org}/slow`);
    const post = () => server.request(`${org}/slow`, { method: "POST", body: "x" });
    const answers = [post()];
    // The request is with the function when the pod is told to end.
    await delay(300);
    await server.api.delete("Pod", `faas-${org}`, pod?.metadata?.name as string);
    // And others come while it ends, and while there is no other.
    for (let n = 0; n < 10; n++) {
      answers.push(post());
      await delay(200);
    }
    for (const answer of await Promise.all(answers)) {
      assert.equal(await answer.text(), "slow");
      assert.equal(answer.status, 200);
    }
    const others = (await server.pods(`${org}/slow`)).filter(({ metadata }) => metadata?.uid !== pod?.metadata?.uid);
    assert.equal(others.length, 1);
  });

  test("200 requests at once to an endpoint without a replica: one scale up to one, and all are answered", async () => {
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
    // Each change of what is wanted counts.
    assert.equal(after.metadata?.generation, (before.metadata?.generation ?? 0) + 1);
    assert.equal((await server.pods(`${org}/cold`)).length, 1);
    const { items } = await server.api.call<{ items: Event[] }>("GET", `/api/v1/namespaces/faas-${org}/events`);
    const scaled = items.filter((event) => event.reason === "ScalingReplicaSet").map(({ message }) => message);
    assert.equal(scaled.length, 1, scaled.join("\n"));
    assert.match(scaled[0] as string, /Scaled up replica set \S+ from 0 to 1$/);
  });

  test("an autoscaler that takes replicas away in the middle of a roll takes no request with them", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    // Each starts at its own time, so that some of a revision serve while others are on their way.
    const revision = (text: string) =>
      server.instance.image(
        `await new Promise((done) => setTimeout(done, 500 + Math.random() * 3_000));
export const handler = async () => { await new Promise((done) => setTimeout(done, 200)); return "${text}"; };\n`,
      );
    const settings = { scaler: "cpu", replicas: 1, maxReplicas: 4, idleTimeout: "never" } as const;
    await server.serve(`${org}/scaled`, await revision("first"), settings);
    /** As an autoscaler does it. */
    const scale = (replicas: number) =>
      server.api.call("PATCH", `${pathOf("Deployment", `faas-${org}`, "scaled")}/scale`, {
        body: { spec: { replicas } },
        contentType: "application/merge-patch+json",
        query: { fieldManager: "autoscaler" },
      });
    const isReady = ({ metadata, status }: V1Pod) =>
      !metadata?.deletionTimestamp && status?.conditions?.some((one) => one.type === "Ready" && one.status === "True");
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
        await until(
          "four serve",
          async () => (await server.pods(`${org}/scaled`)).filter(isReady).length >= 4,
          Boolean,
        );
        const before = new Set((await server.pods(`${org}/scaled`)).map(({ metadata }) => metadata?.uid));
        const deploying = server.serve(`${org}/scaled`, await revision(`next ${round}`), settings);
        await until(
          `${readyOfNew} of the new revision serve`,
          async () => {
            const fresh = (await server.pods(`${org}/scaled`)).filter(({ metadata }) => !before.has(metadata?.uid));
            return fresh.length > 0 && fresh.filter(isReady).length >= readyOfNew;
          },
          Boolean,
        );
        await scale(1);
        await deploying;
        // The one that is kept of the new revision may be another than the one that served first: then the old one helps out.
        const isNext = async () => (await server.text(`${org}/scaled`)) === `next ${round}`;
        await until("the new revision answers", isNext, Boolean);
      }
    } finally {
      done = true;
      await Promise.all(load);
    }
    assert.deepEqual(failures, []);
  });
});
