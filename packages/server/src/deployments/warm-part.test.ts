import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Artifact, type EndpointSpec, limitNumbers } from "@faas/core";
import { EndpointRegistry } from "@faas/gateway";
import { TestPlatform, tempDir } from "@faas/testing";
import { pino } from "pino";
import { bundleNotFound } from "../bundles/bundle-store.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import { Store } from "../state/store.ts";
import { Variants } from "../variants/variants.ts";
import { Admission } from "./admission.ts";
import { DeploymentController } from "./controller.ts";
import { QuotaCheck } from "./quota-check.ts";

/** Deployments of images with a warm part: an image for warm pods, and the code that they load. */

const ref = { org: "acme", endpoint: "x" };
const image = { kind: "image", reference: "r:5000/acme/x@sha256:1" } as const;
const warm = { image: "r:5000/acme/warm_node@sha256:2", code: `sha256:${"c".repeat(64)}` };
const log = pino({ level: "silent" });

/** Platform that runs images, and records what is applied. */
class ImagePlatform extends TestPlatform {
  override readonly accepts = "image";
  readonly applied: EndpointSpec[] = [];

  override async apply(spec: EndpointSpec): Promise<void> {
    this.applied.push(spec);
    await super.apply(spec);
  }
}

async function started(t: TestContext) {
  const store = await Store.open(tempDir("warm"));
  t.after(() => store.close());
  const platform = new ImagePlatform(() => (_, response) => response.end());
  t.after(() => platform[Symbol.asyncDispose]());
  const registry = new EndpointRegistry<EndpointSpec>({ platform, log });
  const bundles = new Set([warm.code]);
  const admission = new Admission({
    store,
    platform,
    bundles: {
      async claim(digest) {
        if (!bundles.has(digest)) throw bundleNotFound(digest);
        return "";
      },
    },
    storageQuota: { check: async () => {} },
    quota: new QuotaCheck(store, () => limitNumbers({})),
    allowedImages: ["r:5000/{org}"],
  });
  const mutex = new KeyedMutex();
  const deployments = new DeploymentController({
    ...{ store, platform, registry, admission, log, mutex, variants: new Variants({ platform, registry, log, mutex }) },
    logs: { remove: async () => {}, removeOrg: async () => {} },
  });
  t.after(() => deployments[Symbol.asyncDispose]());
  const deploy = (artifact: Artifact | undefined, timeout?: string) =>
    deployments.deploy({ ref, artifact, change: { settings: { replicas: 0, ...(timeout && { timeout }) } } });
  return { store, platform, registry, bundles, deployments, deploy };
}

test("the platform gets the warm part, and the server keeps its code as long as the endpoint exists", async (t) => {
  const { store, platform, deployments, deploy } = await started(t);
  await deploy({ ...image, warm });
  assert.deepEqual(platform.applied.at(-1)?.artifact, { ...image, warm });
  assert.deepEqual([...store.bundles("acme").keys()], [warm.code]);
  await deployments.remove(ref);
  assert.deepEqual([...store.bundles("acme").keys()], []);
});

test("a revision that gets another warm part is unchanged, and the platform gets the part", async (t) => {
  const { store, platform, registry, deploy } = await started(t);
  const { revision } = await deploy(image);
  const again = await deploy({ ...image, warm });
  assert.deepEqual([again.revision, again.unchanged], [revision, true]);
  assert.deepEqual(platform.applied.at(-1)?.artifact, { ...image, warm });
  assert.deepEqual(registry.get("acme/x")?.spec.artifact, { ...image, warm });
  await deploy(image);
  assert.deepEqual(platform.applied.at(-1)?.artifact, image);
  assert.deepEqual([...store.bundles("acme").keys()], []);
});

test("other settings keep the warm part, even if its code is lost", async (t) => {
  const { store, platform, bundles, deploy } = await started(t);
  await deploy({ ...image, warm });
  bundles.clear();
  const { unchanged } = await deploy(undefined, "7s");
  assert.equal(unchanged, false);
  assert.deepEqual(platform.applied.at(-1)?.artifact, { ...image, warm });
  assert.deepEqual([...store.bundles("acme").keys()], [warm.code]);
});

test("a deployment with code that the server does not have is rejected", async (t) => {
  const { bundles, deploy } = await started(t);
  bundles.clear();
  await assert.rejects(deploy({ ...image, warm }), { code: "BUNDLE_NOT_FOUND" });
});

test("the image of warm pods has to be one that the organization may use", async (t) => {
  const { deploy } = await started(t);
  const foreign = { ...warm, image: "r:5000/globex/warm_node@sha256:2" };
  await assert.rejects(deploy({ ...image, warm: foreign }), { code: "IMAGE_NOT_ALLOWED", message: /globex/ });
});
