import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { findInstalled, KubernetesApi, KubernetesCredentials, uninstallServer } from "@faas/installer";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { type CertificateFiles, createCertificate, noOpenssl, tempDir } from "@faas/testing";
import type { V1Pod } from "@kubernetes/client-node";
import { runHere } from "../../../packages/cli/src/testing/test-cli.ts";
import { LIMIT_MS, registry, uniqueName } from "../cluster.ts";
import { eventuallyHolds } from "../eventually.ts";

/** HTTPS of a server in a cluster, with a Secret like those of cert-manager. Each test builds on the previous one. */

const skip = noOpenssl() ?? false;
const namespace = uniqueName("faas-tls-test");
const org = `${namespace.replace("faas-", "")}-org`;
const name = `faas.${namespace}.svc`;
const folder = tempDir("cluster-tls");
let credentials: KubernetesCredentials;
let api: KubernetesApi;
let first: CertificateFiles;
let url = "";

before(async () => {
  credentials = KubernetesCredentials.load();
  api = new KubernetesApi(credentials);
  if (skip) return;
  first = createCertificate(folder, "first", `DNS:${name}`);
  const labels = { "app.kubernetes.io/managed-by": "faas" };
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } });
  await storeCertificate(first);
});

after(async () => {
  const installed = await findInstalled(api, namespace);
  await uninstallServer(api, installed, false, { namespace, timeoutMs: LIMIT_MS });
  await api.delete("Namespace", undefined, namespace);
  await credentials.close();
});

/** Stores a certificate in the Secret. */
async function storeCertificate({ cert, key }: CertificateFiles): Promise<void> {
  const data = { "tls.crt": await readFile(cert, "base64"), "tls.key": await readFile(key, "base64") };
  const metadata = { name: "web", namespace };
  await api.apply({ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata, data } as KubernetesObject);
}

async function faas(argv: readonly string[], env: Record<string, string> = {}) {
  const surroundings = {
    ...(process.env as Record<string, string>),
    XDG_CONFIG_HOME: folder,
    FAAS_REGISTRY_PUSH: registry.push,
    FAAS_REGISTRY_PULL: registry.pull,
  };
  const ended = await runHere({ after: () => {} }, argv, { cwd: folder, env: { ...surroundings, ...env } });
  assert.equal(ended.code, 0, ended.stderr);
  return ended.stdout.trim();
}

/** Sends a request and returns the local port of its connection. */
async function call(agent: Agent): Promise<number> {
  const outgoing = get(`${url}/-/readyz`, { agent });
  const [answer] = await once(outgoing, "response");
  assert.equal(answer.statusCode, 200);
  const { localPort } = answer.socket;
  await text(answer);
  return localPort;
}

/** Returns the fingerprint of the certificate that a new connection gets, which must be issued by `authority`. */
async function fingerprint(authority: string, servername = name): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), servername, ca: authority });
  await once(socket, "secureConnect", { signal: AbortSignal.timeout(10_000) });
  const { fingerprint256 } = socket.getPeerCertificate() as DetailedPeerCertificate;
  socket.destroy();
  return fingerprint256;
}

test("an installation with a TLS Secret answers HTTPS with its certificate", { skip }, async () => {
  url = await faas(["install", "--namespace", namespace, "--tls-secret", "web", "--timeout", "90s"]);
  assert.match(url, /^https:\/\/\S+:8887$/);
  assert.match(await fingerprint(await readFile(first.cert, "utf8")), /^[0-9A-F:]+$/);
});

test("a replaced certificate is used without closing connections, and commands accept it", {
  skip,
}, async () => {
  const authority = await readFile(first.cert, "utf8");
  await using agent = keptAlive(authority);
  const port = await call(agent.agent);
  const { hostname } = new URL(url);
  const renewed = createCertificate(folder, "renewed", `DNS:${name},IP:${hostname}`);
  await storeCertificate(renewed);
  // The kubelet checks Secrets about once per minute, and immediately when the pod changes.
  const pods = await api.list<V1Pod & KubernetesObject>("Pod", namespace, "app.kubernetes.io/name=faas-gateway");
  for (const { metadata } of pods)
    await api.call("PATCH", `/api/v1/namespaces/${namespace}/pods/${metadata?.name}`, {
      contentType: "application/merge-patch+json",
      body: { metadata: { annotations: { renewed: "now" } } },
    });
  const both = `${authority}\n${await readFile(renewed.cert, "utf8")}`;
  const { fingerprint256: expected } = new X509Certificate(await readFile(renewed.cert));
  const ports = new Set<number>();
  // Each new connection may be to another gateway.
  const observe = async () => {
    ports.add(await call(agent.agent));
    return Promise.all(Array.from({ length: 20 }, () => fingerprint(both)));
  };
  const isRenewed = (found: readonly string[]) => found.every((each) => each === expected);
  await eventuallyHolds("all gateways use the new certificate", observe, isRenewed, 2 * LIMIT_MS);
  ports.add(await call(agent.agent));
  assert.deepEqual([...ports], [port], "all requests used the same connection");

  const { servers } = JSON.parse(await readFile(join(folder, "faas/credentials.json"), "utf8"));
  const env = { FAAS_SERVER: url, FAAS_CA: renewed.cert, FAAS_TOKEN: servers[url].token };
  await mkdir(join(folder, "hello"));
  await writeFile(join(folder, "hello/index.mjs"), 'export const handler = () => "hello";\n');
  await faas(["deploy", "hello", "--org", org, "--endpoint", "hello"], env);
  assert.equal(await faas(["invoke", `${org}/hello`], env), "hello");
});

/** Creates an agent with a single connection that trusts this authority. */
function keptAlive(ca: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, servername: name });
  return { agent, [Symbol.asyncDispose]: async () => agent.destroy() };
}

test("an upgrade keeps HTTPS, and --tls-secret none switches back to HTTP", { skip }, async () => {
  const upgrade = ["upgrade", "--namespace", namespace, "--timeout", "90s"];
  assert.equal(await faas(upgrade), url);
  url = await faas([...upgrade, "--tls-secret", "none", "--max-connections", "500"]);
  assert.match(url, /^http:\/\/\S+:8887$/);
  assert.equal((await fetch(`${url}/-/readyz`, { headers: { connection: "close" } })).status, 200);
});
