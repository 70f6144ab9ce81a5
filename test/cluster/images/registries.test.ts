import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { buildImage, type ImageOptions } from "@faas/builder";
import { connectDocker } from "../../../packages/builder/src/docker/engine.ts";
import { mountBlob, openBlob } from "../../../packages/builder/src/registry/api/blobs.ts";
import {
  type Descriptor,
  type ManifestContent,
  putManifest,
  readManifest,
} from "../../../packages/builder/src/registry/api/manifests.ts";
import { RegistrySession } from "../../../packages/builder/src/registry/api/session.ts";
import { uploadBlob } from "../../../packages/builder/src/registry/api/upload.ts";
import { sha256 } from "../../../packages/builder/src/registry/digest.ts";
import {
  type FakeRegistryOptions,
  requireLogin,
  respondWithError,
  startFakeRegistry,
} from "../../../packages/builder/src/testing/fake-registry.ts";
import { tokenLogin } from "../../../packages/builder/src/testing/token-login.ts";
import { baseRegistry, registry, uniqueName } from "../cluster.ts";

/** Images that are built without an engine, in a real registry behind a login, TLS and faults. Docker pulls them from its own address. */

const org = uniqueName("raw");
const folder = await mkdtemp(join(tmpdir(), "faas-raw-"));
const docker = await connectDocker();
const basePath = baseRegistry.slice(registry.push.length);

after(async () => {
  await rm(folder, { recursive: true, force: true });
  for (const { Id } of await docker.listImages({ filters: { label: [`faas.org=${org}`] } }))
    await docker.getImage(Id).remove({ force: true });
});

/** Starts a registry in front of the real one. */
const inFront = (t: TestContext, options: FakeRegistryOptions = {}) =>
  startFakeRegistry(t, { behind: registry.push, ...options });

/** Builds a function with some bytes that no registry has, pushes it to an address, and lets Docker pull it. */
async function build(endpoint: string, address: string, options: Partial<ImageOptions> = {}, bytes = 100_000) {
  const source = join(folder, endpoint);
  await mkdir(source, { recursive: true });
  await writeFile(join(source, "index.mjs"), "export const handler = () => 'hi';\n");
  await writeFile(join(source, "data"), randomBytes(bytes));
  const env = { ...process.env, FAAS_CACHE_DIR: join(folder, "cache"), HOME: folder, ...options.env };
  const image = await buildImage(source, {
    ...{ org, endpoint, push: true, builder: "registry", baseRegistry: `${address}${basePath}` },
    ...{ registry: { push: address, pull: registry.pull }, ...options, env },
  });
  for await (const _ of await docker.pull(image.reference));
  // The id of several images is that of none of them.
  if (image.platforms.length === 1) assert.equal((await docker.getImage(image.reference).inspect()).Id, image.imageId);
  return image;
}

async function login(address: string): Promise<Record<string, string>> {
  const path = join(folder, `login-${randomBytes(3).toString("hex")}`);
  await mkdir(path);
  const auth = Buffer.from("ann:secret").toString("base64");
  await writeFile(join(path, "config.json"), JSON.stringify({ auths: { [address]: { auth } } }));
  return { DOCKER_CONFIG: path };
}

test("a registry with TLS of a private authority and a password", async (t) => {
  const host = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  assert.ok(host, "the machine has no address besides the loopback");
  const tls = await certificate(host);
  const { address } = await inFront(t, { host, tls, answer: requireLogin("ann", "secret") });
  const env = await login(address);
  await assert.rejects(build("tls", address, { env }), {
    code: "REGISTRY_UNREACHABLE",
    message: new RegExp(`does not trust the certificate of the registry ${address} .*NODE_EXTRA_CA_CERTS`),
  });
  const trusted = join(env.DOCKER_CONFIG as string, "certs.d", address);
  await mkdir(trusted, { recursive: true });
  await writeFile(join(trusted, "ca.crt"), tls.cert);
  await build("tls", address, { env });
});

test("a registry with token authentication", async (t) => {
  const tokens = tokenLogin("ann", "secret");
  const { address } = await inFront(t, { answer: tokens.answer });
  await build("token", address, { env: await login(address) });
  assert.ok(tokens.issued.length > 0);
});

test("a base of a registry that only allows reading is copied", async (t) => {
  const readOnly = await inFront(t, {
    answer(request, response) {
      if (request.method === "GET" || request.method === "HEAD") return false;
      respondWithError(response, 403, "DENIED", "read only");
      return true;
    },
  });
  const { address } = await inFront(t);
  await build("copied", address, { baseRegistry: `${readOnly.address}${basePath}` });
});

test("a connection that breaks in the middle of a layer does not end a push", async (t) => {
  let broken = 0;
  const { address } = await inFront(t, {
    answer(request: IncomingMessage) {
      if (!/^(?:PUT|PATCH)$/.test(request.method ?? "") || broken > 0) return false;
      if (Number(request.headers["content-length"]) < 1_000_000) return false;
      broken++;
      let received = 0;
      request.on("data", (piece) => {
        received += piece.length;
        if (received > 2_000_000) request.socket.destroy();
      });
      return false;
    },
  });
  await build("broken", address, {}, 8_000_000);
  assert.equal(broken, 1);
});

test("an image for two platforms is an index, of which Docker pulls its own platform", async (t) => {
  const baseImage = await baseForTwo(t);
  const image = await build("both", registry.push, { baseImage, platforms: ["linux/amd64", "linux/arm64"] });
  const { Architecture, Config } = await docker.getImage(image.reference).inspect();
  assert.deepEqual([Architecture, Config.Labels["faas.endpoint"]], ["amd64", "both"]);
});

/** Stores an index of the base image and of a copy that claims to be for arm64. */
async function baseForTwo(t: TestContext): Promise<string> {
  const session = new RegistrySession({ host: registry.push, credentials: undefined, env: process.env });
  t.after(() => session[Symbol.dispose]());
  const from = `${basePath.slice(1)}/node`;
  const repository = `${org}/base`;
  const { content, mediaType } = await readManifest(session, from, "24-slim");
  const { config, layers = [] } = content as Required<ManifestContent>;
  for (const { digest } of layers) await mountBlob(session, repository, digest, from);
  const original = await text(await openBlob(session, from, config.digest));
  const manifests: Descriptor[] = [];
  for (const architecture of ["amd64", "arm64"]) {
    const bytes = Buffer.from(JSON.stringify({ ...JSON.parse(original), architecture }));
    const blob = { digest: sha256(bytes), sizeBytes: bytes.length };
    await uploadBlob(session, repository, { ...blob, open: async () => Readable.from([bytes]) });
    const own = { ...content, config: { ...config, digest: blob.digest, size: bytes.length } };
    const manifest = { mediaType, bytes: Buffer.from(JSON.stringify(own)) };
    const digest = sha256(manifest.bytes);
    await putManifest(session, repository, digest, manifest);
    manifests.push({ mediaType, digest, size: manifest.bytes.length, platform: { os: "linux", architecture } });
  }
  const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
  await putManifest(session, repository, "1", { ...index, bytes: Buffer.from(JSON.stringify(index)) });
  return `${registry.push}/${repository}:1`;
}

async function certificate(ip: string): Promise<{ key: string; cert: string }> {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=faas test", "-addext", `subjectAltName=IP:${ip}`];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key];
  await promisify(execFile)("openssl", ["req", "-x509", "-days", "2", ...subject, ...newKey, "-out", cert]);
  return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
}
