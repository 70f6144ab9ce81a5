import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { findInstalled, KubernetesApi, KubernetesCredentials, uninstallServer } from "@faas/installer";
import { type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { tempDir } from "@faas/testing";
import { Exec, KubeConfig, type V1Pod, type V1Secret } from "@kubernetes/client-node";
import { runHere } from "../../../packages/cli/src/testing/test-cli.ts";
import { KubernetesSecrets } from "../../../packages/platforms/src/kubernetes/organizations/secrets.ts";
import { commandLinesWith, filesWith, hasTrace, newSecretValue, tracesOf } from "../../end-to-end/secret-traces.ts";
import { LIMIT_MS, registry, uniqueName } from "../cluster.ts";
import { eventuallyHolds } from "../eventually.ts";

/**
 * Secrets in a cluster, with a server that `faas install` has installed, and its permissions. Uses secrets in all ways, and then searches all objects,
 * images, logs and the server's volume for their values.
 */

const namespace = uniqueName("faas-secrets-test");
const org = `${namespace.replace("faas-", "")}-org`;
const home = tempDir("secrets-home");
const env = {
  ...process.env,
  XDG_CONFIG_HOME: home,
  FAAS_REGISTRY_PUSH: registry.push,
  FAAS_REGISTRY_PULL: registry.pull,
} as Record<string, string>;
const values = { first: newSecretValue("first"), second: newSecretValue("second"), bad: newSecretValue("bad") };
const traces = Object.values(values).flatMap(tracesOf);
const texts: string[] = [];
const seen = new Set<string>();
const looking = setInterval(() => commandLinesWith(traces).map((line) => seen.add(line)), 50);
let credentials: KubernetesCredentials;
let api: KubernetesApi;
let url = "";

const sha = (text: string) => createHash("sha256").update(text).digest("hex");
const none = { after: () => {} };
async function faas(argv: readonly string[], input?: string) {
  const surroundings = { cwd: home, env: url === "" ? env : { ...env, FAAS_SERVER: url }, ...(input ? { input } : {}) };
  const ended = await runHere(none, ["--verbose", ...argv], surroundings);
  texts.push(ended.stdout, ended.stderr);
  return ended;
}
async function done(argv: readonly string[], input?: string): Promise<string> {
  const ended = await faas(argv, input);
  assert.equal(ended.code, 0, ended.stderr);
  return ended.stdout;
}
const call = async () => done(["invoke", `${org}/x`]);
const secrets = () => api.get<V1Secret & KubernetesObject>("Secret", `faas-${org}`, "faas-secrets");
const keys = async () => Object.keys((await secrets())?.data ?? {});

/** Reads all parts of an image from the registry. */
async function imageParts(reference: string): Promise<[string, Buffer][]> {
  const [, name = "", digest = ""] = /^[^/]+\/(.*)@(sha256:.*)$/.exec(reference) ?? [];
  const get = async (path: string) => {
    const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
    const answer = await fetch(`http://${registry.push}/v2/${name}/${path}`, { headers: { accept } });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  };
  const manifest = await get(`manifests/${digest}`);
  const { config, layers } = JSON.parse(manifest.toString());
  const parts: [string, Buffer][] = [["the manifest", manifest]];
  for (const { digest } of [config, ...layers]) {
    const blob = await get(`blobs/${digest}`);
    parts.push([digest, blob[0] === 0x1f && blob[1] === 0x8b ? gunzipSync(blob) : blob]);
  }
  assert.ok(parts.length > 3, "it has layers");
  return parts;
}

/** Runs a command in a pod, and returns its output. */
async function inPod(pod: V1Pod | undefined, command: string[]): Promise<Buffer> {
  const { name = "", namespace: where = "" } = pod?.metadata ?? {};
  const config = new KubeConfig();
  config.loadFromDefault();
  const stdout = new PassThrough();
  const ended = Promise.withResolvers<void>();
  const container = pod?.spec?.containers[0]?.name ?? "";
  await new Exec(config).exec(where, name, container, command, stdout, null, null, false, () => ended.resolve());
  const read = buffer(stdout);
  await ended.promise;
  stdout.end();
  return read;
}

before(async () => {
  credentials = KubernetesCredentials.load();
  api = new KubernetesApi(credentials);
  await mkdir(join(home, "x"));
  await writeFile(
    join(home, "x/index.mjs"),
    `import { createHash } from "node:crypto";
    console.log("started");
    if (process.env.TOKEN.startsWith("bad")) throw new Error("this token is invalid");
    export const handler = ({ path }) => {
      if (path === "/throw") throw new Error("on purpose");
      return createHash("sha256").update(process.env.TOKEN).digest("hex");
    };`,
  );
  url = (await done(["install", "--namespace", namespace])).trim();
});

after(async () => {
  clearInterval(looking);
  const installed = await findInstalled(api, namespace);
  await uninstallServer(api, installed, false, { namespace, timeoutMs: LIMIT_MS });
  for (const each of [namespace, `faas-${org}`]) await api.delete("Namespace", undefined, each);
  await credentials.close();
});

test("a function gets the value of a secret", async () => {
  await done(["secret", "set", org, "TOKEN"], values.first);
  await done(["deploy", "x", "--org", org, "--endpoint", "x", "--secret", "TOKEN", "--replicas", "2"]);
  assert.equal(await call(), sha(values.first));
  assert.match(await done(["secret", "list", org]), /^NAME.*\nTOKEN .* x$/m);
});

test("a new value is rolled out without a failed request, and the previous one is removed", async () => {
  const { token } = JSON.parse(await done(["key", "create", "--org", org, "--scope", "invoke", "-o", "json"]));
  const statuses = new Set<number>();
  let isOver = false;
  const load = Promise.all(
    [1, 2, 3].map(async () => {
      while (!isOver) {
        const answer = await fetch(`${url}/${org}/x`, { headers: { authorization: `Bearer ${token}` } });
        await answer.text();
        statuses.add(answer.status);
      }
    }),
  );
  try {
    await done(["secret", "set", org, "TOKEN"], values.second);
    assert.equal(await call(), sha(values.second));
  } finally {
    isOver = true;
    await load;
  }
  assert.deepEqual([...statuses], [200]);
  await eventuallyHolds("one value", keys, ({ length }) => length === 1);
});

test("a webhook is verified with the value that the cluster has", async () => {
  await done(["config", `${org}/x`, "hooks=lab token TOKEN"]);
  const send = async (token: string) => {
    const answer = await fetch(`${url}/-/hooks/${org}/lab`, { method: "POST", headers: { "X-Gitlab-Token": token } });
    await answer.text();
    return answer.status;
  };
  assert.deepEqual([await send(values.second), await send(values.first)], [202, 401]);
});

test("the previous value stays in use if no replica starts with the new one", async () => {
  const { code, stderr } = await faas(["secret", "set", org, "TOKEN"], values.bad);
  assert.equal(code, 1);
  assert.match(stderr, /keep the previous one.*this token is invalid/s);
  assert.equal(await call(), sha(values.second));
});

test("an error response has no value, and a secret in use cannot be removed", async () => {
  assert.equal((await faas(["invoke", `${org}/x/throw`])).code, 1);
  const removed = await faas(["secret", "remove", org, "TOKEN"]);
  assert.match(removed.stderr, new RegExp(`used by ${org}/x.*SECRET_IN_USE`));
  const unknown = await faas(["deploy", "x", "--org", org, "--endpoint", "y", "--secret", "TOKENS"]);
  assert.match(unknown.stderr, /SECRET_NOT_FOUND.*did you mean "TOKEN"/s);
});

test("secrets that do not fit are rejected, and the existing ones stay", async () => {
  const big = "x".repeat(2 ** 16);
  let rejection = "";
  const names: string[] = [];
  for (let index = 0; rejection === "" && index < 20; index++) {
    const { code, stderr } = await faas(["secret", "set", org, `BIG_${index}`], big);
    if (code === 0) names.push(`BIG_${index}`);
    else rejection = stderr;
  }
  assert.match(rejection, /at most 1 MiB.*SECRETS_FULL/s);
  for (const name of names) await done(["secret", "remove", org, name]);
  assert.equal(await call(), sha(values.second));
});

test("the responses to changes of secrets contain no values", async () => {
  const answers: string[] = [];
  const recorded =
    <Arguments extends unknown[]>(ask: (...all: Arguments) => Promise<unknown>) =>
    async (...all: Arguments) => {
      const answer = await ask(...all);
      answers.push(JSON.stringify(answer));
      return answer;
    };
  const recordingApi = {
    apply: recorded(api.apply.bind(api)),
    call: recorded(api.call.bind(api)),
  } as unknown as KubernetesApi;
  const store = new KubernetesSecrets(recordingApi, { instance: namespace, startSeconds: 1, gatewayCidrs: [] });
  const secret = { name: "OTHER", version: "v1" };
  await store.put(org, secret, "other");
  await store.remove(org, secret);
  await store.remove(org, secret);
  assert.equal(answers.length, 4);
  for (const answer of answers) {
    assert.match(answer, /"kind":"PartialObjectMetadata"/);
    assert.ok(!hasTrace(answer, traces), answer);
  }
});

test("values are only in the organization's Secret", async () => {
  for (const argv of [
    ["describe", `${org}/x`],
    ["describe", `${org}/x`, "-o", "json"],
    ["logs", `${org}/x`],
    ["list"],
    ["secret", "list", org, "-o", "json"],
  ])
    await done(argv);
  // Shows that the search works.
  assert.ok(hasTrace(JSON.stringify(await secrets()), traces));

  // Objects of all kinds in the namespaces of the organization and the server.
  const groups = await api.call<{ groups: { preferredVersion: { groupVersion: string } }[] }>("GET", "/apis");
  const roots = ["/api/v1", ...groups.groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  let objects = 0;
  for (const root of roots) {
    const { resources } = await api.call<{ resources: { name: string; namespaced: boolean; verbs: string[] }[] }>(
      "GET",
      root,
    );
    for (const { name, namespaced, verbs } of resources) {
      if (!namespaced || !verbs.includes("list")) continue;
      for (const each of [`faas-${org}`, namespace]) {
        const found = await api
          .call<{ items?: KubernetesObject[] }>("GET", `${root}/namespaces/${each}/${name}`)
          .catch(() => ({ items: [] }));
        for (const item of found.items ?? []) {
          if (name === "secrets" && item.metadata?.name === "faas-secrets") continue;
          objects++;
          assert.ok(!hasTrace(JSON.stringify(item), traces), `${root} ${name} ${item.metadata?.name}`);
        }
      }
    }
  }
  assert.ok(objects > 20, `${objects} objects looked at`);

  // Logs.
  for (const each of [`faas-${org}`, namespace])
    for (const pod of await api.list<V1Pod & KubernetesObject>("Pod", each, "")) {
      const log = await api.stream(
        `${pathOf("Pod", each, pod.metadata?.name)}/log`,
        {},
        LIMIT_MS,
        AbortSignal.timeout(LIMIT_MS),
      );
      texts.push(await log.text());
    }

  // The image in the registry: manifest, configuration, and layers.
  const [pod] = await api.list<V1Pod & KubernetesObject>("Pod", `faas-${org}`, "faas/endpoint=x");
  for (const [what, content] of await imageParts(pod?.spec?.containers[0]?.image ?? ""))
    assert.ok(!hasTrace(content, traces), what);

  // The server's volume, its processes' command lines and environments; the function's command line.
  const [own] = await api.list<V1Pod & KubernetesObject>("Pod", namespace, "app.kubernetes.io/name=faas-server");
  const volume = await inPod(own, ["tar", "c", "-C", "/data", "."]);
  assert.ok(volume.includes("audit.log") && volume.includes("state.journal"), "it is the volume");
  assert.ok(!hasTrace(volume, traces));
  const processes = ["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ"];
  assert.ok(!hasTrace(await inPod(own, processes), traces));
  assert.ok(!hasTrace(await inPod(pod, ["sh", "-c", "cat /proc/[0-9]*/cmdline"]), traces));

  assert.deepEqual(await filesWith(home, traces), []);
  for (const text of texts) assert.ok(!hasTrace(text, traces), text.slice(0, 2000));
  assert.deepEqual([...seen], []);
});
