import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import {
  type EndpointSpec,
  type EndpointStatus,
  endpointSpec,
  FaasError,
  type Logger,
  revisionId,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { KubernetesPlatform } from "@faas/platforms/kubernetes";
import { pathOf } from "@faas/platforms/kubernetes-client";
import type { V1Deployment } from "@kubernetes/client-node";
import { LIMIT_MS, TestInstance } from "../cluster.ts";
import { eventually, eventuallyHolds } from "../eventually.ts";
import { ApiProxy } from "./proxy.ts";
import { ApiRelay } from "./relay.ts";

/** Silence after which the platform starts a watch again. */
const SILENCE_MS = 1_000;
const WATCHED_KINDS = 9;

const original = process.env.KUBECONFIG;
after(() => {
  process.env.KUBECONFIG = original;
});

/** The platform's log: its warnings, and the kinds whose watch is interrupted at the moment. */
class OutageLog implements Logger {
  readonly warnings: string[] = [];
  readonly interruptedKinds = new Set<string>();

  debug(): void {}

  info(fields: object | string, message?: string): void {
    if (message === "watch on the cluster resumed") this.interruptedKinds.delete((fields as { kind: string }).kind);
  }

  warn(fields: object | string, message = String(fields)): void {
    this.warnings.push(message);
    if (message.startsWith("watch on the cluster was interrupted"))
      this.interruptedKinds.add((fields as { kind: string }).kind);
  }

  error(fields: object | string, message?: string): void {
    this.warn(fields, message);
  }
}

/** A platform that connects to the API server through a proxy, and a client that does not. */
class Outage<Between extends ApiProxy | ApiRelay> implements AsyncDisposable {
  readonly instance: TestInstance;
  readonly proxy: Between;
  readonly platform: KubernetesPlatform;
  readonly org: string;
  readonly log: OutageLog;
  list: readonly EndpointStatus[] = [];
  readonly #ending = new AbortController();

  private constructor(instance: TestInstance, proxy: Between, platform: KubernetesPlatform, log: OutageLog) {
    this.instance = instance;
    this.proxy = proxy;
    this.platform = platform;
    this.log = log;
    this.org = instance.org();
    void this.#follow();
  }

  static async start<Between extends ApiProxy | ApiRelay>(
    proxyClass: { start(folder: string): Promise<Between> },
    silenceMs?: number,
  ): Promise<Outage<Between>> {
    const instance = await TestInstance.create();
    const proxy = await proxyClass.start(instance.folder);
    const log = new OutageLog();
    // `connect` reads it synchronously, so that concurrent tests do not see it.
    process.env.KUBECONFIG = proxy.kubeconfig;
    const connecting = KubernetesPlatform.connect({
      dataDir: instance.folder,
      instance: instance.name,
      ...(silenceMs === undefined ? {} : { silenceMs }),
      log,
    });
    process.env.KUBECONFIG = original;
    try {
      return new Outage(instance, proxy, await connecting, log);
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

  /** Deploys an endpoint with one replica. */
  async serve(spec: EndpointSpec): Promise<EndpointStatus> {
    await this.platform.apply(spec);
    await this.platform.scale(spec, 1);
    return this.ready(spec.endpoint, 1);
  }

  statusOf(endpoint: string): EndpointStatus | undefined {
    return this.list.find((status) => status.endpoint === endpoint);
  }

  async waitFor(endpoint: string, condition: (status: EndpointStatus) => boolean): Promise<EndpointStatus> {
    const holds = (status: EndpointStatus | undefined) => status !== undefined && condition(status);
    const status = await eventuallyHolds(`the status of ${endpoint}`, () => this.statusOf(endpoint), holds);
    return status as EndpointStatus;
  }

  ready(endpoint: string, count: number): Promise<EndpointStatus> {
    return this.waitFor(
      endpoint,
      ({ replicas, revision }) =>
        replicas.length === count && replicas.every((replica) => replica.ready && replica.revision === revision),
    );
  }

  /** Waits until the platform has noticed that all watches are interrupted. */
  async interrupted(): Promise<void> {
    const count = () => this.log.interruptedKinds.size;
    await eventuallyHolds("number of interrupted watches", count, (interrupted) => interrupted === WATCHED_KINDS);
  }

  /** Scales an endpoint without the platform. */
  async scaleByHand(endpoint: string, replicas: number): Promise<void> {
    await this.instance.api.call("PATCH", `${pathOf("Deployment", `faas-${this.org}`, endpoint)}/scale`, {
      body: { spec: { replicas } },
      contentType: "application/merge-patch+json",
    });
  }

  async deployment(endpoint: string): Promise<V1Deployment | undefined> {
    return this.instance.api.get<V1Deployment>("Deployment", `faas-${this.org}`, endpoint);
  }

  async deleted(kind: "Deployment" | "Pod" | "Namespace", name: string): Promise<void> {
    const namespace = kind === "Namespace" ? undefined : `faas-${this.org}`;
    await eventually(`${kind} ${name} is deleted`, async () => !(await this.instance.api.get(kind, namespace, name)));
  }

  async created(endpoint: string): Promise<void> {
    await eventually(`the Deployment ${endpoint} is created`, () => this.deployment(endpoint));
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

const call = async (status: EndpointStatus | undefined) =>
  (await fetch(`http://${status?.replicas[0]?.address}/`)).text();
const podOf = (status: EndpointStatus) => status.replicas[0]?.id as string;
const isUnreachable = (error: unknown) => error instanceof FaasError && error.code === "CLUSTER_UNREACHABLE";

describe("while the API server is down", { concurrency: 3 }, () => {
  test("known replicas stay listed, and changes from outside are reverted afterwards", async () => {
    await using outage = await Outage.start(ApiProxy);
    const [first, next, fresh] = await Promise.all([
      outage.spec("known", "one"),
      outage.spec("known", "two"),
      outage.spec("fresh", "new"),
    ]);
    const before = await outage.serve(first);

    await outage.proxy.refuse();
    await assert.rejects(outage.platform.scale(first, 2), isUnreachable);
    // Unlike the rejected number of replicas, an applied endpoint is created later.
    await outage.platform.apply(fresh);
    await outage.scaleByHand("known", 3);
    await outage.instance.api.delete("Pod", `faas-${outage.org}`, podOf(before));
    await outage.interrupted();
    assert.deepEqual(outage.statusOf("known")?.replicas, before.replicas);
    await outage.platform.apply(next);
    await outage.proxy.pass();
    await outage.created("fresh");

    const afterwards = await outage.ready("known", 1);
    assert.notEqual(podOf(afterwards), podOf(before));
    assert.equal(await call(afterwards), "two");
    assert.equal((await outage.deployment("known"))?.spec?.replicas, 1);
    await outage.platform.scale(fresh, 1);
    assert.equal(await call(await outage.ready("fresh", 1)), "new");
  });

  test("replicas answer", async () => {
    await using outage = await Outage.start(ApiProxy);
    const spec = await outage.spec("known", "one");
    const before = await outage.serve(spec);
    await outage.proxy.refuse();
    await outage.interrupted();
    for (let calls = 0; calls < 20; calls++) assert.equal(await call(outage.statusOf("known")), "one");
    await outage.proxy.pass();
    await outage.platform.scale(spec, 2);
    const { replicas } = await outage.ready("known", 2);
    assert.ok(replicas.some(({ id }) => id === podOf(before)));
  });

  test("silent watches are started again, and so are requests in progress", async () => {
    await using outage = await Outage.start(ApiProxy, SILENCE_MS);
    const spec = await outage.spec("known", "one");
    await outage.serve(spec);

    outage.proxy.silence();
    await outage.scaleByHand("known", 3);
    await outage.interrupted();
    assert.equal(await call(outage.statusOf("known")), "one");
    assert.equal((await outage.deployment("known"))?.spec?.replicas, 3);
    await outage.proxy.pass();

    // Less than a dead connection lasts: nothing may wait for one.
    const limitMs = LIMIT_MS / 2;
    await eventually(
      "one replica again",
      async () => (await outage.deployment("known"))?.spec?.replicas === 1,
      limitMs,
    );
    assert.ok(outage.log.warnings.some((message) => message.startsWith("number of replicas was changed outside faas")));
    // The cluster chooses which of the three pods stays.
    assert.equal(await call(await outage.ready("known", 1)), "one");
  });

  test("a request on a dead connection is sent again on another", async () => {
    await using outage = await Outage.start(ApiProxy);
    const spec = await outage.spec("known", "one");
    await outage.serve(spec);
    outage.proxy.lose();
    const startedAt = performance.now();
    await outage.platform.scale(spec, 2);
    assert.ok(performance.now() - startedAt > 1_000, "the first connection was dead");
    await outage.ready("known", 2);
  });

  test("a request fails before its timeout if no connection can be made", async () => {
    await using outage = await Outage.start(ApiProxy);
    const spec = await outage.spec("known", "one");
    await outage.serve(spec);
    outage.proxy.silence();
    const startedAt = performance.now();
    await assert.rejects(outage.platform.scale(spec, 2), isUnreachable);
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs < 25_000, `${tookMs} ms, of a timeout of 30 s`);
  });

  test("after 410 Gone everything is listed again, and deleted objects are recreated with their namespace", async () => {
    await using outage = await Outage.start(ApiRelay);
    const [known, lost] = await Promise.all([outage.spec("known", "one"), outage.spec("lost", "two")]);
    await outage.platform.apply(lost);
    const before = await outage.serve(known);
    const replacementOf = (previous: EndpointStatus) =>
      outage.waitFor("known", ({ replicas: [replica] }) => replica?.ready === true && replica.id !== podOf(previous));

    outage.proxy.stop();
    await outage.instance.api.delete("Deployment", `faas-${outage.org}`, "lost");
    await outage.instance.api.delete("Pod", `faas-${outage.org}`, podOf(before));
    await outage.deleted("Deployment", "lost");
    await outage.deleted("Pod", podOf(before));
    outage.proxy.resume("deployments", "pods", "services");
    const second = await replacementOf(before);
    await outage.created("lost");
    assert.deepEqual(new Set(outage.proxy.gone), new Set([410]));

    outage.proxy.stop();
    await outage.instance.api.delete("Namespace", undefined, `faas-${outage.org}`);
    await outage.deleted("Namespace", `faas-${outage.org}`);
    outage.proxy.resume("deployments", "pods", "services", "namespaces", "networkpolicies");
    assert.equal(await call(await replacementOf(second)), "one");
    await outage.created("lost");
    assert.deepEqual(new Set(outage.proxy.gone), new Set([410]));
  });
});
