import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { findInstalled, isNothing, KubernetesApi, KubernetesCredentials, uninstallServer } from "@faas/installer";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { tempDir } from "@faas/testing";
import type { V1Deployment, V1Namespace, V1PersistentVolumeClaim, V1Pod } from "@kubernetes/client-node";
import { runHere } from "../../../packages/cli/src/testing/test-cli.ts";
import { LIMIT_MS, registry, uniqueName } from "../cluster.ts";
import { eventually } from "../eventually.ts";

/** `faas install`, `upgrade` and `uninstall` in a cluster, mostly without gateways in pods of their own. Each test builds on the previous one. */

const namespace = uniqueName("faas-install-test");
const org = `${namespace.replace("faas-", "")}-org`;
const home = tempDir("install-home");
const folder = tempDir("install");
const env = {
  ...process.env,
  XDG_CONFIG_HOME: home,
  FAAS_REGISTRY_PUSH: registry.push,
  FAAS_REGISTRY_PULL: registry.pull,
} as Record<string, string>;
let credentials: KubernetesCredentials;
let api: KubernetesApi;
let url = "";
/** Namespaces to remove at the end. */
const namespaces = [namespace];

before(async () => {
  credentials = KubernetesCredentials.load();
  api = new KubernetesApi(credentials);
  await mkdir(join(folder, "hello"));
  await writeFile(join(folder, "hello/index.mjs"), 'export const handler = () => "hello";\n');
});

after(async () => {
  for (const used of namespaces) {
    const installed = await findInstalled(api, used);
    await uninstallServer(api, installed, false, { namespace: used, timeoutMs: LIMIT_MS });
    await api.delete("Namespace", undefined, used);
  }
  await credentials.close();
});

const none = { after: () => {} };
async function faas(...argv: string[]) {
  return runHere(none, argv, { cwd: folder, env: url === "" ? env : { ...env, FAAS_SERVER: url } });
}
const done = async (...argv: string[]) => {
  const ended = await faas(...argv);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
};
const pods = () => api.list<V1Pod & KubernetesObject>("Pod", namespace, "app.kubernetes.io/name=faas-server");
const deployment = async () =>
  (await api.get<V1Deployment & KubernetesObject>("Deployment", namespace, "faas-server")) as V1Deployment;
/** Returns the header with the key that `faas install` stored for this user. */
const key = async () => {
  const { servers } = JSON.parse(await readFile(join(home, "faas/credentials.json"), "utf8"));
  return { authorization: `Bearer ${servers[url].token}` };
};
/** Calls the function through the Service, on a new connection. */
const hello = async () => {
  const answer = await fetch(`${url}/${org}/hello`, { headers: { connection: "close", ...(await key()) } });
  return [answer.status, await answer.text()];
};

/** Returns true if the server's service account has a permission. */
async function may(verb: string, resource: string, more: { group?: string; subresource?: string; name?: string } = {}) {
  const { status } = await api.call<{ status: { allowed: boolean } }>(
    "POST",
    "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    {
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: `system:serviceaccount:${namespace}:faas-server`,
          groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
          resourceAttributes: { namespace: "default", verb, resource, ...more },
        },
      },
    },
  );
  return status.allowed;
}

test("install starts a server that answers at the printed URL", async () => {
  const { stdout, stderr } = await done("install", "--namespace", namespace, "--gateways", "0", "--timeout", "60s");
  url = stdout.trim();
  assert.match(url, /^http:\/\/\S+:8887$/);
  assert.match(stderr, /Next:\n +export FAAS_SERVER=/);
  const config = (await fetch(`${url}/-/config`, { headers: await key() }).then((answer) => answer.json())) as Record<
    string,
    unknown
  >;
  assert.equal(config.platform, "kubernetes");
  assert.deepEqual(config.registry, registry);
});

test("install creates its objects with restricted pod security and the image by digest", async () => {
  const own = await api.get<V1Namespace & KubernetesObject>("Namespace", undefined, namespace);
  assert.equal(own?.metadata?.labels?.["pod-security.kubernetes.io/enforce"], "restricted");
  const claim = await api.get<V1PersistentVolumeClaim & KubernetesObject>(
    "PersistentVolumeClaim",
    namespace,
    "faas-data",
  );
  assert.equal(claim?.status?.phase, "Bound");
  const image = (await deployment()).spec?.template.spec?.containers[0]?.image ?? "";
  assert.match(image, new RegExp(`^${registry.pull}/faas/server@sha256:[0-9a-f]{64}$`));
  const { objects, orgs, ownsNamespace } = await findInstalled(api, namespace);
  assert.deepEqual(objects.map(({ kind }) => kind).sort(), [
    "ClusterRole",
    "ClusterRoleBinding",
    "Deployment",
    "PersistentVolumeClaim",
    "Secret",
    "Service",
    "ServiceAccount",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
  ]);
  assert.deepEqual([orgs, ownsNamespace], [[], true]);
});

test("the server requires keys, the installing user has one, and images must be from the organization's repositories", async () => {
  for (const path of ["/-/config", "/-/orgs", `/${org}/hello`])
    assert.equal((await fetch(`${url}${path}`)).status, 401);
  assert.match((await done("key", "list", "--admin")).stdout, /given at the start +admin/);
  const args = ["deploy", "--image", `${registry.pull}/faas/server:x`, "--org", org, "--endpoint", "hello"];
  const { code, stderr } = await faas(...args);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`Expected an image of ${registry.pull}/${org}/….*IMAGE_NOT_ALLOWED`));
});

test("a deployed function answers", async () => {
  await done("deploy", "hello", "--org", org, "--endpoint", "hello", "--idle-timeout", "1h");
  assert.deepEqual(await hello(), [200, "hello"]);
});

test("the server's account has the permissions that it needs, and no others", async () => {
  for (const [verb, resource, more] of [
    ["create", "namespaces"],
    ["patch", "deployments", { group: "apps" }],
    ["patch", "deployments", { group: "apps", subresource: "scale" }],
    ["watch", "pods"],
    ["get", "pods", { subresource: "log" }],
    ["patch", "pods", { subresource: "resize" }],
    ["patch", "networkpolicies", { group: "networking.k8s.io" }],
    ["create", "horizontalpodautoscalers", { group: "autoscaling" }],
    ["patch", "secrets", { name: "faas-registry" }],
    ["create", "secrets", { name: "faas-registry" }],
    ["patch", "secrets", { name: "faas-secrets" }],
    ["create", "secrets", { name: "faas-secrets" }],
    ["get", "secrets", { name: "faas-secrets" }],
    ["get", "secrets", { name: "faas-registry" }],
  ] as const)
    assert.ok(await may(verb, resource, more), `may ${verb} ${resource} ${JSON.stringify(more ?? {})}`);
  for (const [verb, resource, more] of [
    ["get", "secrets"],
    ["list", "secrets"],
    ["watch", "secrets"],
    ["delete", "secrets", { name: "another" }],
    ["patch", "secrets", { name: "another" }],
    ["create", "secrets", { name: "another" }],
    ["create", "pods", { subresource: "exec" }],
    ["create", "pods", { subresource: "portforward" }],
    ["create", "pods"],
    ["create", "serviceaccounts", { subresource: "token", name: "default" }],
    ["patch", "serviceaccounts", { name: "another" }],
    ["patch", "clusterroles", { group: "rbac.authorization.k8s.io" }],
    ["create", "clusterrolebindings", { group: "rbac.authorization.k8s.io" }],
    ["get", "nodes"],
    ["get", "persistentvolumes"],
    ["impersonate", "users"],
  ] as const)
    assert.equal(await may(verb, resource, more), false, `may not ${verb} ${resource} ${JSON.stringify(more ?? {})}`);
});

test("the server has the permissions to store a registry login", async () => {
  const ended = await runHere(none, ["org", "registry-login", org, "--username", "ann", "--password-stdin"], {
    cwd: folder,
    env: { ...env, FAAS_SERVER: url },
    input: "secret\n",
  });
  assert.equal(ended.code, 0, ended.stderr);
});

/**
 * A client of the server's current pod. Does not use the Service: while that has no pod, its address may be routed to another machine, and an open
 * connection would stay there.
 */
class PodClient implements AsyncDisposable {
  url = "";
  readonly #ended = new AbortController();
  readonly #following: Promise<void>;

  constructor() {
    this.#following = this.#follow();
  }

  async #follow(): Promise<void> {
    for (const limit = performance.now() + 2 * LIMIT_MS; !this.#ended.signal.aborted && performance.now() < limit; ) {
      const alive = (await pods()).filter(({ metadata, status }) => !metadata?.deletionTimestamp && status?.podIP);
      this.url = alive[0] ? `http://${alive[0].status?.podIP}:8887` : "";
      await delay(50);
    }
  }

  /** Sends a request; rejects while there is no pod, or it does not answer. */
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    if (this.url === "") throw new Error("there is no pod");
    const headers = { ...(init.headers as Record<string, string>), ...(await key()) };
    return fetch(`${this.url}${path}`, { ...init, headers, signal: AbortSignal.timeout(1000) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#following;
  }
}

/** Calls the function repeatedly during `work` and until 20 calls succeed after it; returns the longest time in ms without a successful call. */
async function gapDuring(server: PodClient, work: () => Promise<unknown>): Promise<number> {
  let lastMs = performance.now();
  let gapMs = 0;
  let isOver = false;
  const calling = (async () => {
    const limit = performance.now() + LIMIT_MS;
    for (let successes = 0; successes < 20 && performance.now() < limit; ) {
      const [status] = await server.send(`/${org}/hello`).then(
        ({ status }) => [status],
        () => [0],
      );
      const now = performance.now();
      if (status === 200) {
        gapMs = Math.max(gapMs, now - lastMs);
        lastMs = now;
        if (isOver) successes++;
      } else successes = 0;
      await delay(10);
    }
  })();
  await work();
  isOver = true;
  await calling;
  return gapMs;
}

/** Adds endpoints one after the other during `work`; returns the names of those that were acknowledged. */
async function acknowledgedDuring(
  server: PodClient,
  work: (names: readonly string[]) => Promise<unknown>,
): Promise<readonly string[]> {
  const names: string[] = [];
  const ended = new AbortController();
  const image = `${registry.pull}/${org}/kept@sha256:${"0".repeat(64)}`;
  const changing = (async () => {
    for (let index = 0; !ended.signal.aborted; index++) {
      const name = `kept-${index}`;
      const body = JSON.stringify({ org, endpoint: name, image, replicas: 0 });
      const headers = { "content-type": "application/json" };
      const answer = await server.send("/add_endpoint", { method: "POST", body, headers }).catch(() => undefined);
      if (answer?.ok) names.push(name);
      await delay(20);
    }
  })();
  await work(names);
  ended.abort();
  await changing;
  return names;
}

const endpoints = async (server: PodClient) => {
  const answer = (await server.send(`/-/orgs/${org}`).then((each) => each.json())) as { endpoints: string[] };
  return new Set(answer.endpoints);
};

/** Maximum time without a server: a bound for a broken server, not a performance goal. */
const MAX_GAP_MS = LIMIT_MS / 2;

for (const [how, graceSeconds] of [
  ["killed", 0],
  ["deleted", 30],
] as const) {
  test(`after the server's pod was ${how} under load, the next one has its state, and the endpoints' pods keep running`, async () => {
    const functionPods = async () =>
      (await api.list<V1Pod & KubernetesObject>("Pod", `faas-${org}`, "faas/endpoint=hello"))
        .map(({ metadata }) => metadata?.uid)
        .sort();
    const before = await functionPods();
    await using server = new PodClient();
    const [pod] = await pods();
    let gapMs = 0;
    const names = await acknowledgedDuring(server, async (acknowledged) => {
      gapMs = await gapDuring(server, async () => {
        await eventually("a change is acknowledged", () => acknowledged.length > 0);
        const body = { gracePeriodSeconds: graceSeconds };
        await api.call("DELETE", `/api/v1/namespaces/${namespace}/pods/${pod?.metadata?.name}`, { body });
        await eventually("the next pod is ready", async () => {
          const current = await pods();
          const isNext = ({ metadata, status }: V1Pod) =>
            metadata?.uid !== pod?.metadata?.uid &&
            status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
          return current.length === 1 && current.some(isNext);
        });
      });
    });
    assert.ok(gapMs < MAX_GAP_MS, `no answer for ${Math.round(gapMs)} ms`);
    const existing = await endpoints(server);
    for (const name of names) assert.ok(existing.has(name), `${name} was acknowledged, but is lost`);
    assert.deepEqual(await functionPods(), before);
    const answer = await server.send(`/${org}/hello`);
    assert.deepEqual([answer.status, await answer.text()], [200, "hello"]);
  });
}

test("a second install changes nothing, and an upgrade keeps the settings", async () => {
  const [before] = await pods();
  await done("install", "--namespace", namespace);
  assert.equal((await pods())[0]?.metadata?.uid, before?.metadata?.uid);
  await done("install", "--namespace", namespace, "--startup-cpu", "500m");
  await done("upgrade", "--namespace", namespace);
  const args = (await deployment()).spec?.template.spec?.containers[0]?.args ?? [];
  assert.equal(args[args.indexOf("--startup-cpu") + 1], "500m");
  assert.deepEqual(await hello(), [200, "hello"]);
});

test("an upgrade replaces a deleted admin key, and the previous one is rejected", async () => {
  const previous = await key();
  await api.delete("Secret", namespace, "faas-admin-key");
  await done("upgrade", "--namespace", namespace);
  const ask = async (headers: Record<string, string>) =>
    (await fetch(`${url}/-/whoami`, { headers: { connection: "close", ...headers } })).status;
  assert.deepEqual([await ask(previous), await ask(await key())], [401, 200]);
  assert.deepEqual(await hello(), [200, "hello"]);
});

test("a volume cannot shrink or change its storage class", async () => {
  for (const [option, value, words] of [
    ["--storage", "1Mi", /cannot shrink; got --storage 1Mi/],
    ["--storage-class", "other", /cannot be changed; got --storage-class other/],
  ] as const) {
    const { code, stderr } = await faas("install", "--namespace", namespace, option, value);
    assert.equal(code, 2);
    assert.match(stderr, words);
  }
});

test("uninstall requires confirmation, and after --keep-data an install restores all endpoints", async () => {
  const asked = await faas("uninstall", "--namespace", namespace);
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /--yes/);
  const { stderr } = await done("uninstall", "--namespace", namespace, "--keep-data", "--yes");
  assert.match(stderr, new RegExp(`Kept the volume claim ${namespace}/faas-data`));
  const left = await findInstalled(api, namespace);
  assert.deepEqual([left.orgs, left.objects], [[], [{ kind: "PersistentVolumeClaim", name: "faas-data" }]]);
  url = (await done("install", "--namespace", namespace)).stdout.trim();
  assert.deepEqual(await hello(), [200, "hello"]);
});

test("uninstall removes all objects", async () => {
  await done("uninstall", "--namespace", namespace, "--yes");
  assert.ok(isNothing(await findInstalled(api, namespace)));
  assert.equal(await api.get("Namespace", undefined, namespace), undefined);
  assert.equal(await api.get("Namespace", undefined, `faas-${org}`), undefined);
  const again = await faas("uninstall", "--namespace", namespace, "--yes");
  assert.match(again.stderr, /There is no faas server in the namespace .*SERVER_NOT_RUNNING/);
});

test("a namespace of another owner can be used, and is not removed", async () => {
  const foreign = `${namespace}-own`;
  namespaces.push(foreign);
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: foreign, labels: { whose: "theirs" } } });
  const image = `${registry.pull}/faas/server:does-not-exist`;
  const { code, stderr } = await faas("install", "--namespace", foreign, "--image", image, "--timeout", "45s");
  assert.equal(code, 1);
  assert.match(stderr, /cannot pull the server's image .*does-not-exist.*IMAGE_PULL_FAILED/);
  await done("uninstall", "--namespace", foreign, "--yes");
  const left = await api.get("Namespace", undefined, foreign);
  assert.equal(left?.metadata?.labels?.whose, "theirs");
  assert.equal(left?.metadata?.labels?.["app.kubernetes.io/managed-by"], undefined);
});

test("a missing storage class is reported before the timeout", async () => {
  const other = `${namespace}-class`;
  namespaces.push(other);
  const startedAt = performance.now();
  const image = `${registry.pull}/faas/server:does-not-exist`;
  const { code, stderr } = await faas(
    "install",
    "--namespace",
    other,
    "--image",
    image,
    "--storage-class",
    "no-such",
    "--timeout",
    "10m",
  );
  assert.equal(code, 1);
  assert.match(stderr, /"no-such".*--storage-class.*VOLUME_UNBOUND/);
  assert.ok(performance.now() - startedAt < 5 * LIMIT_MS);
});

test("--expose nodeport starts a server that answers on a port of the node", async () => {
  const other = `${namespace}-node`;
  namespaces.push(other);
  const { stdout, stderr } = await done("install", "--namespace", other, "--expose", "nodeport", "-o", "json");
  const found = JSON.parse(stdout);
  assert.match(found.url, /:3\d{4}$/);
  assert.equal((await fetch(`${found.url}/-/readyz`)).status, 200);
  assert.doesNotMatch(stderr, /failed/);
  await done("uninstall", "--namespace", other, "--yes");
});

test("install names a missing permission", async () => {
  const account = `${namespace}-viewer`;
  const asViewer = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "viewer",
    contexts: [{ name: "viewer", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: credentials.server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: { token: "" } }],
  };
  namespaces.push(account);
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: account } });
  const path = `/api/v1/namespaces/${account}/serviceaccounts`;
  await api.call("POST", path, { body: { metadata: { name: "viewer" } } });
  const { status } = await api.call<{ status: { token: string } }>("POST", `${path}/viewer/token`, {
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 600 } },
  });
  (asViewer.users[0] as { user: { token: string } }).user.token = status.token;
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, JSON.stringify(asViewer));
  const own = process.env.KUBECONFIG;
  process.env.KUBECONFIG = kubeconfig;
  try {
    const { code, stderr } = await faas("install", "--namespace", account, "--image", "x");
    assert.equal(code, 1);
    assert.match(stderr, /cannot get resource "deployments".*CLUSTER_FORBIDDEN/s);
  } finally {
    if (own === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = own;
  }
});
