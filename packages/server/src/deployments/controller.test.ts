import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type EndpointRef, type EndpointSpec, endpointSpec, limitNumbers, withDefaults } from "@faas/core";
import { TestPlatform } from "@faas/testing";
import { pino } from "pino";
import { EndpointRegistry } from "../../../gateway/src/endpoints/registry.ts";
import { BundleAccess } from "../bundles/bundle-access.ts";
import { BundleStore } from "../bundles/bundle-store.ts";
import { StorageQuota } from "../bundles/storage-quota.ts";
import { Store } from "../state/store.ts";
import { DeploymentController } from "./controller.ts";
import { QuotaCheck } from "./quota-check.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const settings = withDefaults({});
const specOf = (ref: EndpointRef): EndpointSpec => endpointSpec(ref, { id: "r", createdAt: "", artifact, settings });

/** Cannot remove anything the first two times. */
class ForgetfulPlatform extends TestPlatform {
  readonly removed: string[] = [];

  override async remove(ref: EndpointRef): Promise<void> {
    this.removed.push(ref.endpoint);
    if (this.removed.length <= 2) throw new Error("the platform is away");
    await super.remove(ref);
  }
}

test("what the platform has and nobody registered is removed, and tried again with the next change when that fails", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "faas-deployments-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const platform = new ForgetfulPlatform(() => (_, response) => response.end());
  t.after(() => platform[Symbol.asyncDispose]());
  const log = pino({ level: "silent" });
  const store = await Store.open(dataDir);
  t.after(() => store.close());
  const registered = { org: "acme", endpoint: "registered" };
  await store.changeEndpoint(registered, () => ({
    createdAt: "",
    updatedAt: "",
    current: { id: "r", createdAt: "", artifact, settings },
  }));
  const endpoints = new EndpointRegistry({ platform, log });
  const bundles = new BundleStore(dataDir, 1);
  const limitsOf = () => limitNumbers({});
  const limits = new QuotaCheck(store, limitsOf);
  const bundleRoom = new StorageQuota({ store, bundles, grants: new BundleAccess(store), limitsOf });
  const deployments = new DeploymentController({ store, platform, endpoints, bundles, limits, bundleRoom, log });

  await platform.apply(specOf({ org: "acme", endpoint: "stranger" }));
  await deployments.start();
  t.after(() => deployments.stop());
  const limit = AbortSignal.timeout(10_000);
  const attempted = async (count: number) => {
    for (; platform.removed.length < count; limit.throwIfAborted()) await new Promise((done) => setImmediate(done));
  };
  const changed = endpoints.changed({ org: "acme", endpoint: "stranger" }, limit);
  for (let attempts = 1; attempts <= 2; attempts++) {
    await attempted(attempts);
    // Some other one changes.
    await platform.scale(registered, attempts % 2);
  }
  await attempted(3);
  await changed;
  while (endpoints.isObserved("acme/stranger")) await endpoints.changed({ org: "acme", endpoint: "stranger" }, limit);
  assert.deepEqual(new Set(platform.removed), new Set(["stranger"]));
  assert.ok(endpoints.isObserved("acme/registered"));

  // One whose removal the platform did not make is looked after too.
  platform.removed.length = 0;
  await assert.rejects(deployments.remove(registered), /away/);
  await platform.apply(specOf({ org: "acme", endpoint: "other" }));
  while (endpoints.isObserved("acme/registered")) await endpoints.changed(registered, limit);
});
