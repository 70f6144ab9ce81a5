import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import type { ImageOptions, ImageProgress } from "@faas/builder";
import { pushImage } from "../../../packages/builder/src/registry/push.ts";
import {
  type FakeRegistryOptions,
  requireLogin,
  respondWithError,
  startFakeRegistry,
} from "../../../packages/builder/src/testing/fake-registry.ts";
import { registry } from "../cluster.ts";
import { TestDocker } from "./docker.ts";

/** Pushes to a real registry, behind a proxy that fails as registries do. */

const hello = (text: string) => `export const handler = () => "${text}";\n`;
const [host = ""] = registry.push.split("/");

let docker: TestDocker;
before(async () => {
  docker = await TestDocker.create();
});
after(() => docker[Symbol.asyncDispose]());

/** Starts a proxy to the real registry. */
const standIn = (t: TestContext, options: FakeRegistryOptions = {}) =>
  startFakeRegistry(t, { behind: host, ...options });

async function push(address: string, source: string, options: Partial<ImageOptions> = {}) {
  const folder = await docker.source(source, { "index.mjs": hello(source) });
  return docker.build(folder, {
    registry: { push: address, pull: address },
    ...{ push: true, builder: "docker" },
    env: await dockerEnv(),
    ...options,
  });
}

/** Returns the environment for Docker with these logins. */
async function dockerEnv(logins: Readonly<Record<string, string>> = {}) {
  const auths = Object.fromEntries(
    Object.entries(logins).map(([key, login]) => [key, { auth: Buffer.from(login).toString("base64") }]),
  );
  const folder = await docker.source(`config-${++configs}`, { "config.json": JSON.stringify({ auths }) });
  return { ...process.env, DOCKER_CONFIG: folder };
}
let configs = 0;

/** Returns an address of this machine for which Docker expects TLS. */
function outerAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const found = all.find(({ family, internal }) => family === "IPv4" && !internal);
  assert.ok(found, "Expected this machine to have an IPv4 address besides 127.0.0.1");
  return found.address;
}

test("the reference has the digest and the pull address, which may differ from the push address", async (t) => {
  const { address } = await standIn(t);
  const image = await push(address, "addresses", {
    registry: { push: `${address}/team`, pull: "pull.example.com/team" },
  });
  assert.equal(image.pushed, true);
  assert.match(image.reference, new RegExp(`^pull\\.example\\.com/team/${docker.id}/function@sha256:[0-9a-f]{64}$`));
  assert.equal(image.tagged, `${address}/team/${docker.id}/function:${image.imageId.slice(7, 19)}`);
  const digest = image.reference.split("@")[1];
  const manifest = await fetch(`http://${host}/v2/team/${docker.id}/function/manifests/${digest}`, {
    headers: { Accept: "application/vnd.docker.distribution.manifest.v2+json" },
  });
  assert.equal(((await manifest.json()) as { config: { digest: string } }).config.digest, image.imageId);
});

test("a changed line sends one small layer, and no change sends nothing after one request", async (t) => {
  const { address, requests, receivedBytes } = await standIn(t);
  const files = { "package.json": docker.manifest({ ms: "2.1.3" }), "index.mjs": hello("one") };
  const folder = await docker.source("kilobytes", files);
  const options = {
    registry: { push: address, pull: address },
    push: true,
    builder: "docker",
    env: await dockerEnv(),
  } as const;
  const first = await docker.build(folder, options);

  await writeFile(join(folder, "index.mjs"), hello("two"));
  const before = receivedBytes();
  let last: ImageProgress | undefined;
  const second = await docker.build(folder, { ...options, onProgress: (progress) => (last = progress) });
  const sent = receivedBytes() - before;
  assert.notEqual(second.reference, first.reference);
  // Most of it is the wrapper.
  assert.ok(sent < 48 * 1024, `${sent} bytes were sent`);
  assert.ok(last && last.layersDone === last.layers && last.layers > 2, JSON.stringify(last));
  assert.ok(
    last.totalBytes > 0 && last.movedBytes >= last.totalBytes && last.totalBytes < 128 * 1024,
    JSON.stringify(last),
  );

  requests.length = 0;
  const again = await docker.build(folder, options);
  assert.deepEqual([again.reference, again.pushed], [second.reference, false]);
  assert.deepEqual(requests, [`GET /v2/${docker.id}/function/manifests/${second.imageId.slice(7, 19)}`]);

  // The same holds for another engine, which does not have the image.
  await docker.docker.getImage(second.imageId).remove({ force: true });
  assert.deepEqual((await docker.build(folder, options)).reference, second.reference);
});

test("a base image is pulled from its registry, and pinned by digest", async (t) => {
  const { address } = await standIn(t);
  const repository = `${docker.id}/base`;
  const own = docker.docker.getImage(await docker.ownBase("node:24-slim"));
  await own.tag({ repo: `${address}/${repository}`, tag: "1" });
  const digest = await pushImage(docker.docker, {
    host: address,
    repository,
    tag: "1",
    credentials: undefined,
    env: {},
  });
  await own.remove({ force: true });
  await docker.docker.getImage(`${address}/${repository}:1`).remove({ force: true });

  const stages: string[] = [];
  const folder = await docker.source("pulled", { "index.mjs": hello("pulled") });
  const baseImage = `${address}/${repository}:1`;
  const image = await docker.build(folder, { baseImage, onStage: (stage) => stages.push(stage) });
  assert.deepEqual(stages, ["prepare", "pull", "install", "build"]);
  const { Labels } = (await docker.docker.getImage(image.imageId).inspect()).Config;
  assert.equal(Labels["org.opencontainers.image.base.name"], baseImage);
  assert.equal(Labels["org.opencontainers.image.base.digest"], digest);
  await docker.forget(image);
  await docker.docker.getImage(baseImage).remove({ force: true });
});

test("a registry with a password rejects none and a wrong one, with advice", async (t) => {
  const { address } = await standIn(t, { answer: requireLogin("ann", "secret") });
  await assert.rejects(push(address, "password"), {
    code: "REGISTRY_DENIED",
    message: new RegExp(`The registry ${address} requires a login .* docker login ${address}$`),
  });
  await assert.rejects(push(address, "password", { env: await dockerEnv({ [address]: "ann:wrong" }) }), {
    code: "REGISTRY_DENIED",
    message: new RegExp(`The registry ${address} rejected the login as "ann"`),
  });
  const image = await push(address, "password", { env: await dockerEnv({ [address]: "ann:secret" }) });
  assert.equal(image.pushed, true);
});

test("a 403 response is quoted and not retried", async (t) => {
  const { address, requests } = await standIn(t, {
    answer(incoming, response) {
      if (!/^(POST|PUT|PATCH)$/.test(incoming.method ?? "")) return false;
      respondWithError(response, 403, "DENIED", "quota of the project is used up");
      return true;
    },
  });
  const env = await dockerEnv({ [address]: "ann:secret" });
  await assert.rejects(push(address, "forbidden", { env }), {
    code: "REGISTRY_DENIED",
    message: /quota of the project is used up/,
  });
  assert.equal(requests.filter((each) => each.startsWith("POST ")).length, 1, requests.join("\n"));
});

test("a temporary failure is retried, and a permanent one is reported after three attempts", async (t) => {
  let failures = 2;
  const passing = await standIn(t, {
    answer(incoming, response) {
      if (incoming.method !== "POST" || failures-- <= 0) return false;
      respondWithError(response, 500, "UNKNOWN", "the disk is full");
      return true;
    },
  });
  assert.equal((await push(passing.address, "moment")).pushed, true);

  const failing = await standIn(t, {
    answer(_, response) {
      respondWithError(response, 503, "UNAVAILABLE", "maintenance");
      return true;
    },
  });
  await assert.rejects(push(failing.address, "always"), {
    code: "PUSH_FAILED",
    message: /currently rejects pushes, tried 3 times: maintenance/,
  });
});

test("an unreachable registry is reported after three attempts", async () => {
  await assert.rejects(push("127.0.0.1:1", "nobody"), {
    code: "REGISTRY_UNREACHABLE",
    message: /cannot reach the registry 127\.0\.0\.1:1 \(.*connection refused\), tried 3 times/,
  });
});

test("a silent registry is reported after a timeout", async (t) => {
  const { address } = await standIn(t, { answer: () => true });
  const image = await docker.build(await docker.source("silent", { "index.mjs": hello("silent") }));
  const repo = `${address}/${docker.id}/silent`;
  await docker.docker.getImage(image.imageId).tag({ repo, tag: "1" });
  const access = { host: address, repository: `${docker.id}/silent`, credentials: undefined, env: {} };
  const options = { ...access, tag: "1", stalledMs: 1_500 };
  await assert.rejects(pushImage(docker.docker, options), {
    code: "REGISTRY_UNREACHABLE",
    message: /accepted the connection, but made no progress for 1\.5 s/,
  });
});

test("a slow registry works", async (t) => {
  const slow = await standIn(t, { delayMs: 300 });
  assert.equal((await push(slow.address, "slow")).pushed, true);
});

test("a registry without TLS is reported if Docker expects TLS", async (t) => {
  const { address } = await standIn(t, { host: outerAddress() });
  await assert.rejects(push(address, "plain"), {
    code: "REGISTRY_UNREACHABLE",
    message: /uses plain HTTP, but the Docker engine expects TLS.*insecure-registries/,
  });
});

test("the error of an untrusted certificate says how to trust it, and then the push works", async (t) => {
  const outer = outerAddress();
  const { address } = await standIn(t, { host: outer, tls: await certificate(outer) });
  await assert.rejects(push(address, "tls"), {
    code: "REGISTRY_UNREACHABLE",
    message: new RegExp(
      `does not trust the certificate of the registry ${address} .*/etc/docker/certs\\.d/${address}/ca\\.crt`,
    ),
  });
  const trusted = join("/etc/docker/certs.d", address, "ca.crt");
  try {
    await mkdir(dirname(trusted), { recursive: true });
  } catch (error) {
    return t.diagnostic(`not tried with a trusted certificate: ${(error as Error).message}`);
  }
  t.after(() => rm(dirname(trusted), { recursive: true, force: true }));
  await writeFile(trusted, await readFile(join(docker.folder, "cert.pem")));
  assert.equal((await push(address, "tls")).pushed, true);
  // This process trusts the certificate too: it finds the image, and does not push it again.
  assert.equal((await push(address, "tls")).pushed, false);
});

async function certificate(ip: string): Promise<{ key: string; cert: string }> {
  const [key, cert] = [join(docker.folder, "key.pem"), join(docker.folder, "cert.pem")];
  const subject = ["-subj", "/CN=faas test", "-addext", `subjectAltName=IP:${ip}`];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key];
  await promisify(execFile)("openssl", ["req", "-x509", "-days", "2", ...subject, ...newKey, "-out", cert]);
  return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
}

test("an abort stops a push", async (t) => {
  const aborting = new AbortController();
  const { address } = await standIn(t, {
    answer(incoming) {
      // First request of the engine.
      if (incoming.url !== "/v2/") return false;
      setImmediate(() => aborting.abort(new Error("enough")));
      return true;
    },
  });
  await assert.rejects(push(address, "aborted", { signal: aborting.signal }), /enough/);
});
