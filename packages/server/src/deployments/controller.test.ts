import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EndpointRef,
  type EndpointSpec,
  endpointKey,
  endpointSpec,
  limitNumbers,
  type ReplicaFailure,
  type SettingsInput,
  variantRef,
  withDefaults,
} from "@faas/core";
import { EndpointRegistry, StatusSync } from "@faas/gateway";
import { eventually, type ReplicaBehaviour, TestPlatform, tempDir } from "@faas/testing";
import { pino } from "pino";
import { DisposerStack } from "../lib/disposer-stack.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import { candidateRevision, FAILED_FIRST_MAX_MS, servingRevision } from "../state/records.ts";
import { Store } from "../state/store.ts";
import { withTag } from "../variants/traffic.ts";
import { Variants } from "../variants/variants.ts";
import { Admission } from "./admission.ts";
import { DeploymentController } from "./controller.ts";
import { FailedFirstCleanup } from "./failed-first-cleanup.ts";
import { QuotaCheck } from "./quota-check.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const settings = withDefaults({});
const specOf = (ref: EndpointRef): EndpointSpec => endpointSpec(ref, { id: "r", createdAt: "", artifact, settings });
const log = pino({ level: "silent" });
const ok: ReplicaBehaviour = (_, response) => response.end();
const broken: Pick<ReplicaFailure, "code" | "detail"> = { code: "FUNCTION_LOAD_FAILED", detail: "no" };

/** Starts a controller on a new store and a test platform, as the server does. */
async function started(t: { after(work: () => Promise<void>): void }, platform: TestPlatform, given?: Store) {
  const stack = new DisposerStack();
  t.after(() => stack[Symbol.asyncDispose]());
  stack.use(platform);
  const store = given ?? (await Store.open(tempDir("deployments")));
  stack.defer(() => store.close());
  const registry = new EndpointRegistry<EndpointSpec>({ platform, log });
  const quota = new QuotaCheck(store, () => limitNumbers({}));
  const admission = new Admission({
    store,
    platform,
    bundles: { claim: async () => "" },
    storageQuota: { check: async () => {} },
    quota,
    allowedImages: undefined,
  });
  const ended: string[] = [];
  const onRolloutEnded = (org: string) => void ended.push(org);
  const mutex = new KeyedMutex();
  const deployments = new DeploymentController({
    ...{
      store,
      platform,
      registry,
      admission,
      log,
      mutex,
      variants: new Variants({ platform, registry, log, mutex }),
      onRolloutEnded,
    },
    logs: { remove: async () => {}, removeOrg: async () => {} },
  });
  stack.use(deployments);
  await deployments.start();
  stack.use(new StatusSync({ platform, registry, subscribers: [deployments] })).start();
  const deploy = async (ref: EndpointRef, input: SettingsInput = {}) => {
    const { revision } = await deployments.deploy({ ref, artifact, change: { settings: input, reset: true } });
    return { revision, settled: deployments.waitForRollout(ref, revision, AbortSignal.timeout(30_000)) };
  };
  return { store, registry, deployments, deploy, ended };
}

/** Platform that fails to remove anything the first two times. */
class UnreliablePlatform extends TestPlatform {
  readonly removed: string[] = [];

  override async remove(ref: EndpointRef): Promise<void> {
    this.removed.push(ref.endpoint);
    if (this.removed.length <= 2) throw new Error("the platform is unavailable");
    await super.remove(ref);
  }
}

const registered = { org: "acme", endpoint: "registered" };

test("an endpoint that is not registered is removed from the platform; a failure is retried with the next change", async (t) => {
  const store = await Store.open(tempDir("deployments"));
  await store.changeEndpoint(registered, () => ({
    createdAt: "",
    updatedAt: "",
    current: { id: "r", createdAt: "", artifact, settings },
  }));
  const platform = new UnreliablePlatform(() => ok);
  await platform.apply(specOf({ org: "acme", endpoint: "unregistered" }));
  const { registry, deployments } = await started(t, platform, store);
  for (let attempts = 1; attempts <= 2; attempts++) {
    await eventually(`attempt ${attempts}`, () => platform.removed.length >= attempts);
    // Another endpoint changes.
    await platform.scale(registered, attempts % 2);
  }
  await eventually("the endpoint is removed", () => !registry.isObserved("acme/unregistered"));
  assert.deepEqual(new Set(platform.removed), new Set(["unregistered"]));
  assert.ok(registry.isObserved("acme/registered"));

  // An endpoint that the platform failed to remove is removed later too.
  platform.removed.length = 0;
  await assert.rejects(deployments.remove(registered), /unavailable/);
  await platform.apply(specOf({ org: "acme", endpoint: "other" }));
  await eventually("the endpoint is removed", () => !registry.isObserved("acme/registered"));
});

test("an endpoint whose first deployment failed is removed after a day, and no other", async (t) => {
  const platform = new TestPlatform(({ env }) => (env.FAIL ? broken : ok));
  const { store, registry, deployments, deploy } = await started(t, platform);
  const [failed, served] = ["failed", "served"].map((endpoint) => ({ org: "acme", endpoint })) as [
    EndpointRef,
    EndpointRef,
  ];
  await (await deploy(failed, { env: { FAIL: "1" } })).settled;
  // Its second deployment fails: the first one still serves.
  await (await deploy(served)).settled;
  await (await deploy(served, { env: { FAIL: "1" } })).settled;
  const cleanup = new FailedFirstCleanup({ store, deployments, log });
  t.after(() => cleanup[Symbol.dispose]());
  const isRegistered = () => [failed, served].map((ref) => store.endpoint(ref) !== undefined);
  const { updatedAt = "" } = store.endpoint(failed) ?? {};
  await cleanup.run(Date.parse(updatedAt) + FAILED_FIRST_MAX_MS);
  assert.deepEqual(isRegistered(), [true, true]);
  await cleanup.run(Date.parse(updatedAt) + FAILED_FIRST_MAX_MS + 1);
  assert.deepEqual(isRegistered(), [false, true]);
  assert.equal(registry.get("acme/failed"), undefined);
});

test("a revision serves when a replica of it is ready; one that fails leaves the previous one serving", async (t) => {
  const ref = { org: "acme", endpoint: "x" };
  const platform = new TestPlatform(({ env }) => (env.FAIL ? broken : ok));
  const { store, registry, deploy, ended } = await started(t, platform);
  const first = await deploy(ref);
  await first.settled;
  assert.equal(registry.get("acme/x")?.deploying, false);
  const second = await deploy(ref, { env: { FAIL: "1" } });
  await second.settled;
  const record = store.endpoint(ref);
  assert.ok(record);
  assert.equal(servingRevision(record).id, first.revision);
  assert.equal(candidateRevision(record), undefined);
  assert.equal(record.failure?.revision, second.revision);
  assert.deepEqual(ended, ["acme", "acme"]);
});

test("an endpoint is not deploying after its serving revision was deployed again in place of a candidate", async (t) => {
  const ref = { org: "acme", endpoint: "x" };
  const gate = Promise.withResolvers<void>();
  const platform = new TestPlatform(() => ok);
  const { store, registry, deploy } = await started(t, platform);
  const first = await deploy(ref);
  await first.settled;
  platform.gate = gate.promise;
  const second = await deploy(ref, { env: { OTHER: "1" } });
  assert.equal(registry.get(endpointKey(ref))?.deploying, true);
  const again = await deploy(ref);
  await Promise.all([second.settled, again.settled]);
  gate.resolve();
  const record = store.endpoint(ref);
  assert.ok(record);
  assert.equal(again.revision, first.revision);
  assert.equal(servingRevision(record).id, first.revision);
  // Otherwise it would never become idle.
  assert.equal(registry.get(endpointKey(ref))?.deploying, false);
});

test("a first revision that failed still gets to serve when a later start succeeds", async (t) => {
  const ref = { org: "acme", endpoint: "x" };
  let isBroken = true;
  const platform = new TestPlatform(() => (isBroken ? broken : ok));
  const { store, registry, deploy } = await started(t, platform);
  await (await deploy(ref)).settled;
  assert.equal(store.endpoint(ref)?.failure?.code, "FUNCTION_LOAD_FAILED");
  isBroken = false;
  const endpoint = registry.get(endpointKey(ref));
  assert.ok(endpoint);
  await eventually("it is scaled to zero", () => endpoint.desired === 0);
  registry.wake(endpoint);
  await eventually("its failure is cleared", () => store.endpoint(ref)?.failure === undefined);
});

test("an outcome that could not be written is written later", async (t) => {
  const ref = { org: "acme", endpoint: "x" };
  let isFull = false;
  let rejected = 0;
  const assertLockHeld = async () => {
    if (!isFull) return;
    rejected++;
    throw new Error("no space left");
  };
  const store = await Store.open(tempDir("deployments"), { assertLockHeld });
  const gate = Promise.withResolvers<void>();
  const platform = new TestPlatform(() => ok);
  platform.gate = gate.promise;
  const { deploy } = await started(t, platform, store);
  const { settled } = await deploy(ref);
  isFull = true;
  gate.resolve();
  await eventually("the write fails", () => rejected > 0);
  isFull = false;
  await settled;
});

test("another revision is prepared before the endpoint stops serving it, so that its tag leads to it at every moment", async (t) => {
  const platform = new TestPlatform(() => ok);
  const { store, registry, deploy } = await started(t, platform);
  const ref = { org: "acme", endpoint: "tagged" };
  const first = await deploy(ref);
  await first.settled;
  await store.changeEndpoint(ref, (record) => record && withTag(record, "stable", first.revision));
  const apply = platform.apply.bind(platform);
  const served: (string | undefined)[] = [];
  t.mock.method(platform, "apply", (spec: EndpointSpec) => {
    if (spec.variantOf !== undefined) served.push(registry.get(endpointKey(ref))?.spec.revision);
    return apply(spec);
  });
  const second = await deploy(ref, { concurrency: 2 });
  await second.settled;
  await eventually("the revision is a variant", () => registry.get(endpointKey(variantRef(ref, first.revision))));
  assert.deepEqual(served, [first.revision]);
});
