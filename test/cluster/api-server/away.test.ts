import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  type EndpointSpec,
  type EndpointStatus,
  endpointSpec,
  FaasError,
  revisionId,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { KubernetesPlatform } from "@faas/platforms/kubernetes";
import { pathOf } from "@faas/platforms/kubernetes-client";
import type { V1Deployment } from "@kubernetes/client-node";
import { LIMIT_MS, TestInstance } from "../cluster.ts";
import { ApiProxy } from "./proxy.ts";
import { ApiRelay } from "./relay.ts";

/** How long the platform lets a watch be silent here. */
const SILENCE_MS = 1_000;
const AWAY_MS = 2_500;

const real = process.env.KUBECONFIG;
after(() => {
  process.env.KUBECONFIG = real;
});

/** A platform whose way to the API server goes through a proxy, and a second way past it. */
class Away<Between extends ApiProxy | ApiRelay> implements AsyncDisposable {
  readonly instance: TestInstance;
  readonly proxy: Between;
  readonly platform: KubernetesPlatform;
  readonly org: string;
  readonly warnings: string[];
  list: readonly EndpointStatus[] = [];
  readonly #ending = new AbortController();

  private constructor(instance: TestInstance, proxy: Between, platform: KubernetesPlatform, warnings: string[]) {
    this.instance = instance;
    this.proxy = proxy;
    this.platform = platform;
    this.warnings = warnings;
    this.org = instance.org();
    void this.#follow();
  }

  static async start<Between extends ApiProxy | ApiRelay>(
    between: { start(folder: string): Promise<Between> },
    silenceMs?: number,
  ): Promise<Away<Between>> {
    const instance = await TestInstance.make();
    const proxy = await between.start(instance.folder);
    const warnings: string[] = [];
    // Read at once, so that tests beside each other do not see it.
    process.env.KUBECONFIG = proxy.kubeconfig;
    const connecting = KubernetesPlatform.connect({
      dataDir: instance.folder,
      instance: instance.name,
      ...(silenceMs === undefined ? {} : { silenceMs }),
      log: { info: () => {}, warn: (_, message) => warnings.push(message) },
    });
    process.env.KUBECONFIG = real;
    try {
      return new Away(instance, proxy, await connecting, warnings);
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      await instance[Symbol.asyncDispose]();
      throw error;
    }
  }

  async spec(endpoint: string, text: string, settings: SettingsInput = {}): Promise<EndpointSpec> {
    const artifact = await this.instance.image(`export const handler = () => "${text}";\n`);
    const full = withDefaults(settings);
    return endpointSpec(
      { org: this.org, endpoint },
      { id: revisionId(artifact, full), createdAt: "", artifact, settings: full },
    );
  }

  async until(
    endpoint: string,
    condition: (status: EndpointStatus) => boolean,
    limitMs = LIMIT_MS,
  ): Promise<EndpointStatus> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const status = this.list.find((one) => one.endpoint === endpoint);
      if (status && condition(status)) return status;
      assert.ok(Date.now() < deadline, `not seen within ${limitMs} ms: ${JSON.stringify(this.list)}`);
      await delay(20);
    }
  }

  ready(endpoint: string, count: number, limitMs?: number): Promise<EndpointStatus> {
    return this.until(
      endpoint,
      ({ replicas, revision }) =>
        replicas.length === count && replicas.every((one) => one.ready && one.revision === revision),
      limitMs,
    );
  }

  /** Somebody else's hand, past the platform. */
  async scaleByHand(endpoint: string, replicas: number): Promise<void> {
    await this.instance.api.call("PATCH", `${pathOf("Deployment", `faas-${this.org}`, endpoint)}/scale`, {
      body: { spec: { replicas } },
      contentType: "application/merge-patch+json",
    });
  }

  async deployment(endpoint: string): Promise<V1Deployment | undefined> {
    return this.instance.api.get<V1Deployment>("Deployment", `faas-${this.org}`, endpoint);
  }

  async untilGone(kind: "Deployment" | "Pod" | "Namespace", name: string): Promise<void> {
    const namespace = kind === "Namespace" ? undefined : `faas-${this.org}`;
    const deadline = Date.now() + LIMIT_MS;
    while (await this.instance.api.get(kind, namespace, name)) {
      assert.ok(Date.now() < deadline, `the ${kind} ${name} is still there`);
      await delay(100);
    }
  }

  async untilThere(endpoint: string): Promise<void> {
    const deadline = Date.now() + LIMIT_MS;
    while (!(await this.deployment(endpoint))) {
      assert.ok(Date.now() < deadline, `the Deployment ${endpoint} was not made: ${this.warnings.join("; ")}`);
      await delay(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.proxy[Symbol.asyncDispose]();
    await this.platform[Symbol.asyncDispose]();
    await this.instance[Symbol.asyncDispose]();
  }

  async #follow(): Promise<void> {
    for await (const list of this.platform.watch(this.#ending.signal)) this.list = list;
  }
}

const answer = async (status: EndpointStatus) => (await fetch(`http://${status.replicas[0]?.address}/`)).text();
const podOf = (status: EndpointStatus) => status.replicas[0]?.id as string;
const isUnreachable = (error: unknown) => error instanceof FaasError && error.code === "CLUSTER_UNREACHABLE";

describe("the API server goes away", { concurrency: 3 }, () => {
  test("cut and refused: what was known serves on, and what happened meanwhile is seen and mended afterwards", async () => {
    await using away = await Away.start(ApiProxy);
    const [kept, next, fresh] = await Promise.all([
      away.spec("kept", "one"),
      away.spec("kept", "two"),
      away.spec("fresh", "new"),
    ]);
    await away.platform.apply(kept);
    await away.platform.scale(kept, 1);
    const before = await away.ready("kept", 1);

    await away.proxy.refuse();
    await assert.rejects(away.platform.scale(kept, 2), isUnreachable);
    // What was refused is not wanted any more; an endpoint that was applied is, for ever.
    await away.platform.apply(fresh);
    await away.scaleByHand("kept", 3);
    await away.instance.api.delete("Pod", `faas-${away.org}`, podOf(before));
    await delay(AWAY_MS);
    const meanwhile = await away.until("kept", () => true);
    assert.deepEqual(meanwhile.replicas, before.replicas);
    assert.equal(away.warnings.filter((text) => text.startsWith("the cluster is not followed")).length, 8);
    await away.platform.apply(next);
    await away.proxy.pass();
    const passedAt = Date.now();
    await away.untilThere("fresh");
    // A watch is tried again every 5 s at most, and what waits for its next attempt follows at once.
    assert.ok(Date.now() - passedAt < 8_000, `what was applied meanwhile was made ${Date.now() - passedAt} ms later`);

    const afterwards = await away.ready("kept", 1);
    assert.notEqual(podOf(afterwards), podOf(before));
    assert.equal(await answer(afterwards), "two");
    assert.equal((await away.deployment("kept"))?.spec?.replicas, 1);
    await away.platform.scale(fresh, 1);
    assert.equal(await answer(await away.ready("fresh", 1)), "new");
  });

  test("replicas answer while the API server is away", async () => {
    await using away = await Away.start(ApiProxy);
    const spec = await away.spec("kept", "one");
    await away.platform.apply(spec);
    await away.platform.scale(spec, 1);
    const before = await away.ready("kept", 1);
    await away.proxy.refuse();
    const until = Date.now() + AWAY_MS;
    while (Date.now() < until) {
      assert.equal(await answer(await away.ready("kept", 1, 0)), "one");
      await delay(50);
    }
    await away.proxy.pass();
    await away.platform.scale(spec, 2);
    const { replicas } = await away.ready("kept", 2);
    assert.ok(replicas.some(({ id }) => id === podOf(before)));
  });

  test("silent: a watch that says nothing is begun anew, and so is what was on its way", async () => {
    await using away = await Away.start(ApiProxy, SILENCE_MS);
    const spec = await away.spec("kept", "one");
    await away.platform.apply(spec);
    await away.platform.scale(spec, 1);
    await away.ready("kept", 1);

    away.proxy.silence();
    await away.scaleByHand("kept", 3);
    await delay(3 * SILENCE_MS);
    assert.equal(await answer(await away.ready("kept", 1, 0)), "one");
    assert.equal((await away.deployment("kept"))?.spec?.replicas, 3);
    await away.proxy.pass();

    // Nothing may wait for a connection that is dead: not for longer than a silence and a backoff.
    const deadline = Date.now() + 10 * SILENCE_MS;
    while ((await away.deployment("kept"))?.spec?.replicas !== 1) {
      assert.ok(Date.now() < deadline, `not mended: ${away.warnings.join("; ")}`);
      await delay(50);
    }
    assert.ok(away.warnings.some((text) => text.startsWith("the number of replicas was not the wanted one")));
    // Which of the three stays is the cluster's choice.
    assert.equal(await answer(await away.ready("kept", 1)), "one");
  });

  test("a connection that is dead without a word: what was sent on it is sent again on another", async () => {
    await using away = await Away.start(ApiProxy);
    const spec = await away.spec("kept", "one");
    await away.platform.apply(spec);
    await away.platform.scale(spec, 1);
    await away.ready("kept", 1);
    away.proxy.lose();
    const began = Date.now();
    await away.platform.scale(spec, 2);
    const tookMs = Date.now() - began;
    assert.ok(tookMs > 1_000 && tookMs < 12_000, `${tookMs} ms`);
    await away.ready("kept", 2);

    // When nobody is there at all, whoever waits for a replica is told within seconds.
    away.proxy.silence();
    const silent = Date.now();
    await assert.rejects(away.platform.scale(spec, 1), isUnreachable);
    assert.ok(Date.now() - silent < 15_000, `${Date.now() - silent} ms`);
  });

  test("410 Gone: all is listed again, and what went meanwhile is made again, the namespace too", async () => {
    await using away = await Away.start(ApiRelay);
    const [kept, lost] = await Promise.all([away.spec("kept", "one"), away.spec("lost", "two")]);
    for (const spec of [kept, lost]) await away.platform.apply(spec);
    await away.platform.scale(kept, 1);
    const before = await away.ready("kept", 1);

    away.proxy.leave();
    await away.instance.api.delete("Deployment", `faas-${away.org}`, "lost");
    await away.instance.api.delete("Pod", `faas-${away.org}`, podOf(before));
    await away.untilGone("Deployment", "lost");
    await away.untilGone("Pod", podOf(before));
    away.proxy.comeBack("deployments", "pods", "services");
    const second = await away.until("kept", ({ replicas: [one] }) => one?.ready === true && one.id !== podOf(before));
    await away.untilThere("lost");
    assert.deepEqual(new Set(away.proxy.gone), new Set([410]));

    away.proxy.leave();
    await away.instance.api.delete("Namespace", undefined, `faas-${away.org}`);
    await away.untilGone("Namespace", `faas-${away.org}`);
    away.proxy.comeBack("deployments", "pods", "services", "namespaces", "networkpolicies");
    const third = await away.until("kept", ({ replicas: [one] }) => one?.ready === true && one.id !== podOf(second));
    assert.equal(await answer(third), "one");
    await away.untilThere("lost");
    assert.deepEqual(new Set(away.proxy.gone), new Set([410]));
  });
});
