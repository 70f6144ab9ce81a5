import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type EndpointSpec, FaasError, formatArtifact, limitNumbers } from "@faas/core";
import { EndpointRegistry } from "@faas/gateway";
import { eventually, TestPlatform, tempDir } from "@faas/testing";
import { pino } from "pino";
import { Admission } from "../deployments/admission.ts";
import { DeploymentController } from "../deployments/controller.ts";
import { QuotaCheck } from "../deployments/quota-check.ts";
import { rollBack } from "../deployments/rollback.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import { keptRevisions, targetRevision } from "../state/records.ts";
import { Store } from "../state/store.ts";
import { Variants } from "../variants/variants.ts";
import { FollowService } from "./follow-service.ts";

const ref = { org: "acme", endpoint: "hello" };
const log = pino({ level: "silent" });
const A = `sha256:${"a".repeat(64)}`;
const B = `sha256:${"b".repeat(64)}`;
const C = `sha256:${"c".repeat(64)}`;

/** Waits until an assertion holds. */
const holds = (assertion: () => void) =>
  eventually("the tag is followed", () => {
    assertion();
    return true;
  });

class ImagePlatform extends TestPlatform {
  override readonly accepts = "image";
}

/** A registry whose tags the test moves. */
async function startRegistry(t: TestContext) {
  const state = { digest: A, isDown: false, isPrivate: false, requests: 0, logins: new Set<string>() };
  const server = createServer((request, response) => {
    state.requests++;
    if (request.headers.authorization !== undefined) state.logins.add(request.headers.authorization);
    if (state.isDown) response.writeHead(503).end();
    else if (state.isPrivate && request.headers.authorization === undefined)
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="test"' }).end();
    else if (request.url !== "/v2/acme/hello/manifests/main") response.writeHead(404).end();
    else response.writeHead(200, { "Docker-Content-Digest": state.digest }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { state, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Admission that rejects images by digest. */
class TestAdmission extends Admission {
  readonly refused = new Map<string, FaasError>();

  override async admit(deployment: Parameters<Admission["admit"]>[0]) {
    const { artifact } = deployment;
    const error = artifact.kind === "image" && this.refused.get(digestOf(artifact.reference));
    if (error) throw error;
    return super.admit(deployment);
  }
}

const digestOf = (reference: string) => reference.replace(/^.*@/, "");

async function startDeployments(t: TestContext, allowedImages: readonly string[]) {
  const store = await Store.open(tempDir("follow"));
  t.after(() => store.close());
  const platform = new ImagePlatform(() => (_, response) => response.end());
  t.after(() => platform[Symbol.asyncDispose]());
  const endpoints = new EndpointRegistry<EndpointSpec>({ platform, log });
  const admission = new TestAdmission({
    ...{ store, platform, allowedImages },
    bundles: { claim: async () => "" },
    storageQuota: { check: async () => {} },
    quota: new QuotaCheck(store, () => limitNumbers({})),
  });
  const mutex = new KeyedMutex();
  const variants = new Variants({ platform, registry: endpoints, log, mutex });
  const deployments = new DeploymentController({
    ...{ store, platform, registry: endpoints, admission, log, mutex, variants },
    logs: { remove: async () => {}, removeOrg: async () => {} },
  });
  t.after(() => deployments[Symbol.asyncDispose]());
  return { store, platform, deployments, refused: admission.refused };
}

const login = (username: string) => `Basic ${Buffer.from(`${username}:secret`).toString("base64")}`;

async function started(t: TestContext, loginOf?: (org: string, registry: string) => string | undefined) {
  const { state: registry, address } = await startRegistry(t);
  const allowedImages = [`${address}/acme`];
  const { store, platform, deployments, refused } = await startDeployments(t, allowedImages);
  const canaries: object[] = [];
  const open = () => {
    const service = new FollowService({
      ...{ store, deployments, platform, allowedImages, log },
      canaries: {
        deploy(request, canary) {
          canaries.push(canary);
          return deployments.deploy(request);
        },
      },
      registry: {
        ...{ env: { DOCKER_CONFIG: tempDir("docker") }, isInCluster: false },
        loginOf: async (org) => loginOf?.(org, address),
      },
      intervalMs: 3_600_000,
    });
    t.after(() => service[Symbol.asyncDispose]());
    return service;
  };
  const service = open();
  const artifact = { kind: "image", reference: `${address}/acme/hello:main` } as const;
  const settings = { replicas: 0 };
  /** Deploys as a request with `follow` does. */
  const follow = async (canary?: { steps: number[] }) => {
    const start = await service.resolve(ref, artifact, canary);
    const request = { ref, artifact: start.artifact, change: { settings } };
    return service.deploying(ref, start.follow, () => deployments.deploy(request));
  };
  /** Moves the tag, and waits until the notified service has checked it. */
  const push = async (digest: string, using = service) => {
    registry.digest = digest;
    const before = registry.requests;
    assert.equal(using.notified([{ repository: "acme/hello", tag: "main" }]), 1);
    await holds(() => assert.ok(registry.requests > before));
  };
  const record = () => {
    const found = store.endpoint(ref);
    assert.ok(found);
    return found;
  };
  const target = () => {
    const { artifact: deployed } = targetRevision(record());
    return deployed.kind === "image" ? digestOf(deployed.reference) : "";
  };
  const reaches = (digest: string) => holds(() => assert.equal(target(), digest));
  return {
    ...{ address, registry, store, deployments, service, artifact, refused, canaries },
    open,
    follow,
    push,
    record,
    target,
    reaches,
  };
}

test("the image of a tag is deployed by its digest, and again when the tag moves", async (t) => {
  const { address, service, follow, push, record, target, reaches } = await started(t);
  await follow();
  assert.equal(target(), A);
  await push(B);
  await reaches(B);
  const revision = targetRevision(record());
  assert.equal(revision.settings.replicas, 0);
  assert.equal(revision.origin?.message, `the tag main is now ${B}`);
  await holds(() => assert.equal(record().follow?.digest, B));
  const view = service.view(ref.org, record());
  assert.equal(view?.image, `${address}/acme/hello:main`);
  assert.ok(view?.notifiedAt && view.checkedAt);
});

test("a tag is checked with the login of each organization that follows it", async (t) => {
  const loginOf = (org: string, registry: string) =>
    JSON.stringify({ auths: { [registry]: { auth: login(org).slice("Basic ".length) } } });
  const { registry, service, artifact, deployments, open } = await started(t, loginOf);
  registry.isPrivate = true;
  const follow = async (org: string) => {
    const other = { org, endpoint: "hello" };
    const start = await service.resolve(other, artifact);
    await service.deploying(other, start.follow, () =>
      deployments.deploy({ ref: other, artifact: start.artifact, change: { settings: { replicas: 0 } } }),
    );
  };
  await follow("acme");
  assert.deepEqual([...registry.logins], [login("acme")]);
  await follow("other");
  registry.logins.clear();
  const restarted = open();
  restarted.start();
  assert.equal(restarted.notified([{ repository: "acme/hello", tag: "main" }]), 2);
  await holds(() => assert.deepEqual([...registry.logins].sort(), [login("acme"), login("other")].sort()));
});

test("a rollback is kept until the tag moves to another image", async (t) => {
  const { store, deployments, follow, push, record, target, reaches } = await started(t);
  await follow();
  await push(B);
  await reaches(B);
  await holds(() => assert.equal(record().follow?.digest, B));
  await rollBack({ ref }, { store, deployments });
  assert.equal(target(), A);
  await push(B);
  await push(B);
  assert.equal(target(), A);
  await push(C);
  await reaches(C);
});

test("an image that is rejected is shown with the reason, and not tried again before the tag moves", async (t) => {
  const { refused, registry, service, follow, push, record, reaches } = await started(t);
  await follow();
  refused.set(B, new FaasError("IMAGE_NOT_ALLOWED", "not this one"));
  await push(B);
  await holds(() => assert.equal(service.view(ref.org, record())?.failure?.code, "IMAGE_NOT_ALLOWED"));
  refused.clear();
  await push(B);
  assert.equal(registry.digest, B);
  assert.equal(record().follow?.digest, B);
  await push(C);
  await reaches(C);
  const kept = keptRevisions(record()).map(({ revision }) => formatArtifact(revision.artifact));
  assert.deepEqual(
    kept.filter((image) => image.endsWith(B)),
    [],
  );
  await holds(() => assert.equal(service.view(ref.org, record())?.failure, undefined));
});

test("an image whose deployment may succeed later is tried again", async (t) => {
  const { refused, service, follow, push, record, reaches } = await started(t);
  await follow();
  refused.set(B, new FaasError("CLUSTER_UNREACHABLE", "away"));
  await push(B);
  await holds(() => assert.equal(service.view(ref.org, record())?.failure?.code, "CLUSTER_UNREACHABLE"));
  assert.equal(record().follow?.digest, A);
  refused.clear();
  await push(B);
  await reaches(B);
});

test("an unavailable registry is shown, and does not stop the following", async (t) => {
  const { registry, service, follow, push, record, reaches } = await started(t);
  await follow();
  registry.isDown = true;
  await push(B);
  await holds(() => assert.equal(service.view(ref.org, record())?.failure?.code, "REGISTRY_UNREACHABLE"));
  registry.isDown = false;
  await push(B);
  await reaches(B);
});

test("a canary of the first deployment is used for the following ones", async (t) => {
  const { canaries, follow, push, reaches } = await started(t);
  await follow({ steps: [10, 100] });
  await push(B);
  await reaches(B);
  assert.deepEqual(canaries, [{ steps: [10, 100] }]);
});

test("another server on the state follows the tag, and an image that was pushed in between is deployed", async (t) => {
  const { service, open, follow, push, reaches } = await started(t);
  await follow();
  await service[Symbol.asyncDispose]();
  const next = open();
  next.start();
  await push(B, next);
  await reaches(B);
});

test("a deployment of another image ends the following; one of settings does not", async (t) => {
  const { address, deployments, service, follow, push, record, target } = await started(t);
  await follow();
  await deployments.deploy({ ref, change: { settings: { timeout: "5s" } } });
  assert.equal(record().follow?.digest, A);
  const artifact = { kind: "image", reference: `${address}/acme/hello@${C}` } as const;
  await service.deploying(ref, undefined, () => deployments.deploy({ ref, artifact, change: {} }));
  assert.equal(service.view(ref.org, record()), undefined);
  await push(B);
  await holds(() => assert.equal(service.notified([{ repository: "acme/hello" }]), 0));
  assert.equal(target(), C);
});

test("no registry is asked for an image that is not allowed, or has no tag", async (t) => {
  const { address, registry, service } = await started(t);
  const resolve = (reference: string) => service.resolve(ref, { kind: "image", reference });
  await assert.rejects(resolve(`${address}/other/hello:main`), { code: "IMAGE_NOT_ALLOWED" });
  for (const name of ["hello", `hello@${A}`, `hello:main@${A}`])
    await assert.rejects(resolve(`${address}/acme/${name}`), { code: "INVALID_REQUEST" });
  assert.equal(registry.requests, 0);
  await assert.rejects(resolve(`${address}/acme/absent:main`), { code: "IMAGE_NOT_FOUND" });
});
