import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { findInstalled, KubernetesApi, KubernetesCredentials, uninstallServer } from "@faas/installer";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { type CertificateFiles, createCertificate, noOpenssl } from "@faas/testing";
import type { V1Pod } from "@kubernetes/client-node";
import { runHere } from "../../../packages/cli/src/testing/test-cli.ts";
import { LIMIT_MS, registry, uniqueName } from "../cluster.ts";

/** HTTPS of a server in a cluster, with a Secret of somebody else's, as cert-manager would keep one; each step on what the one before left. */

const skip = noOpenssl ?? false;
const namespace = uniqueName("faas-tls-test");
const org = `${namespace.replace("faas-", "")}-org`;
const name = `faas.${namespace}.svc`;
let credentials: KubernetesCredentials;
let api: KubernetesApi;
let folder: string;
let first: CertificateFiles;
let url = "";

before(async () => {
  credentials = KubernetesCredentials.load();
  api = new KubernetesApi(credentials);
  folder = await mkdtemp(join(tmpdir(), "faas-cluster-tls-"));
  if (skip) return;
  first = createCertificate(folder, "first", `DNS:${name}`);
  const labels = { "app.kubernetes.io/managed-by": "faas" };
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } });
  await keep(first);
});

after(async () => {
  const installed = await findInstalled(api, namespace);
  await uninstallServer(api, installed, false, { namespace, timeoutMs: LIMIT_MS });
  await api.delete("Namespace", undefined, namespace);
  await credentials.close();
  await rm(folder, { recursive: true, force: true });
});

/** Puts a certificate into the Secret. */
async function keep({ cert, key }: CertificateFiles): Promise<void> {
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

/** Gives the local port of the connection on which it was answered. */
async function call(agent: Agent): Promise<number> {
  const outgoing = get(`${url}/-/readyz`, { agent });
  const [answer] = await once(outgoing, "response");
  assert.equal(answer.statusCode, 200);
  const { localPort } = answer.socket;
  await text(answer);
  return localPort;
}

/** Of the certificate that a new connection gets, which is proven to be of `authority`. */
async function fingerprint(authority: string, servername = name): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), servername, ca: authority });
  await once(socket, "secureConnect", { signal: AbortSignal.timeout(10_000) });
  const { fingerprint256 } = socket.getPeerCertificate() as DetailedPeerCertificate;
  socket.destroy();
  return fingerprint256;
}

test("install with the Secret of a certificate: the server answers HTTPS with it", { skip }, async () => {
  url = await faas(["install", "--namespace", namespace, "--tls-secret", "web", "--timeout", "90s"]);
  assert.match(url, /^https:\/\/\S+:8887$/);
  assert.match(await fingerprint(await readFile(first.cert, "utf8")), /^[0-9A-F:]+$/);
});

test("a Secret that is replaced is served without dropping a connection, and every command works with it", {
  skip,
}, async () => {
  const authority = await readFile(first.cert, "utf8");
  await using agent = keptAlive(authority);
  const port = await call(agent.agent);
  const { hostname } = new URL(url);
  const renewed = createCertificate(folder, "renewed", `DNS:${name},IP:${hostname}`);
  await keep(renewed);
  // The kubelet looks at Secrets every minute or so, and at once when something else of the pod changes.
  const [pod] = await api.list<V1Pod & KubernetesObject>("Pod", namespace, "app.kubernetes.io/name=faas-server");
  await api.call("PATCH", `/api/v1/namespaces/${namespace}/pods/${pod?.metadata?.name}`, {
    contentType: "application/merge-patch+json",
    body: { metadata: { annotations: { renewed: "now" } } },
  });
  const both = `${authority}\n${await readFile(renewed.cert, "utf8")}`;
  const before = await fingerprint(both);
  for (const limit = performance.now() + 2 * LIMIT_MS; (await fingerprint(both)) === before; await delay(200)) {
    assert.ok(performance.now() < limit, "the new certificate is not served");
    assert.equal(await call(agent.agent), port, "the same connection");
  }
  assert.equal(await call(agent.agent), port, "the same connection, with the new certificate");

  const { servers } = JSON.parse(await readFile(join(folder, "faas/credentials.json"), "utf8"));
  const env = { FAAS_SERVER: url, FAAS_CA: renewed.cert, FAAS_TOKEN: servers[url].token };
  await mkdir(join(folder, "hello"));
  await writeFile(join(folder, "hello/index.mjs"), 'export const handler = () => "hello";\n');
  await faas(["deploy", "hello", "--org", org, "--endpoint", "hello"], env);
  assert.equal(await faas(["invoke", `${org}/hello`], env), "hello");
});

/** One connection, which trusts this authority. */
function keptAlive(ca: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, servername: name });
  return { agent, [Symbol.asyncDispose]: async () => agent.destroy() };
}

test("an upgrade keeps HTTPS; with --tls-secret none it is HTTP again", { skip }, async () => {
  const upgrade = ["upgrade", "--namespace", namespace, "--timeout", "90s"];
  assert.equal(await faas(upgrade), url);
  url = await faas([...upgrade, "--tls-secret", "none", "--max-connections", "500"]);
  assert.match(url, /^http:\/\/\S+:8887$/);
  assert.equal((await fetch(`${url}/-/readyz`, { headers: { connection: "close" } })).status, 200);
});
