import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { findInstalled, KubernetesApi, KubernetesCredentials, uninstallServer } from "@faas/installer";
import { type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { Exec, KubeConfig, type V1Pod, type V1Secret } from "@kubernetes/client-node";
import { runHere } from "../../../packages/cli/src/testing/test-cli.ts";
import { KubernetesSecrets } from "../../../packages/platforms/src/kubernetes/organizations/secrets.ts";
import { commandLinesWith, filesWith, hasTrace, newSecretValue, tracesOf } from "../../end-to-end/secret-traces.ts";
import { LIMIT_MS, registry, uniqueName } from "../cluster.ts";

/**
 * Secrets in a cluster, with the server that `faas install` puts there and the rights that it has. A value goes the ways that values go, and then
 * all objects, images, logs and the server's volume are looked through for it.
 */

const namespace = uniqueName("faas-secrets-test");
const org = `${namespace.replace("faas-", "")}-org`;
const home = await mkdtemp(join(tmpdir(), "faas-secrets-home-"));
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

/** Everything that the registry has of an image. */
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

/** What a command in a pod prints. */
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
    if (process.env.TOKEN.startsWith("bad")) throw new Error("this token is no good");
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
  await rm(home, { recursive: true, force: true });
});

test("the function finds the value, set with the rights that the server has", async () => {
  await done(["secret", "set", org, "TOKEN"], values.first);
  await done(["deploy", "x", "--org", org, "--endpoint", "x", "--secret", "TOKEN", "--replicas", "2"]);
  assert.equal(await call(), sha(values.first));
  assert.match(await done(["secret", "list", org]), /^NAME.*\nTOKEN .* x$/m);
});

test("another value rolls the replicas without a failed request, and the former one goes", async () => {
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
  for (const limit = performance.now() + LIMIT_MS; (await keys()).length !== 1; )
    assert.ok(performance.now() < limit, `${await keys()}`);
});

test("a value with which nothing runs leaves the former one serving", async () => {
  const { code, stderr } = await faas(["secret", "set", org, "TOKEN"], values.bad);
  assert.equal(code, 1);
  assert.match(stderr, /keep the previous one.*this token is no good/s);
  assert.equal(await call(), sha(values.second));
});

test("errors, and what is refused", async () => {
  assert.equal((await faas(["invoke", `${org}/x/throw`])).code, 1);
  const removed = await faas(["secret", "remove", org, "TOKEN"]);
  assert.match(removed.stderr, new RegExp(`used by ${org}/x.*SECRET_IN_USE`));
  const unknown = await faas(["deploy", "x", "--org", org, "--endpoint", "y", "--secret", "TOKENS"]);
  assert.match(unknown.stderr, /SECRET_NOT_FOUND.*did you mean "TOKEN"/s);
});

test("more than a cluster keeps is refused with what to do, and what is there stays", async () => {
  const big = "x".repeat(2 ** 16);
  let refused = "";
  const names: string[] = [];
  for (let index = 0; refused === "" && index < 20; index++) {
    const { code, stderr } = await faas(["secret", "set", org, `BIG_${index}`], big);
    if (code === 0) names.push(`BIG_${index}`);
    else refused = stderr;
  }
  assert.match(refused, /1 MiB at most.*SECRETS_FULL/s);
  for (const name of names) await done(["secret", "remove", org, name]);
  assert.equal(await call(), sha(values.second));
});

test("what the cluster answers to a change has none of the values that it keeps", async () => {
  const answers: string[] = [];
  const noted =
    <Arguments extends unknown[]>(ask: (...all: Arguments) => Promise<unknown>) =>
    async (...all: Arguments) => {
      const answer = await ask(...all);
      answers.push(JSON.stringify(answer));
      return answer;
    };
  const listening = { apply: noted(api.apply.bind(api)), call: noted(api.call.bind(api)) } as unknown as KubernetesApi;
  const kept = new KubernetesSecrets(listening, { instance: namespace, startSeconds: 1, gatewayCidrs: [] });
  const secret = { name: "OTHER", version: "v1" };
  await kept.put(org, secret, "other");
  await kept.remove(org, secret);
  await kept.remove(org, secret);
  assert.equal(answers.length, 4);
  for (const answer of answers) {
    assert.match(answer, /"kind":"PartialObjectMetadata"/);
    assert.ok(!hasTrace(answer, traces), answer);
  }
});

test("the value is in the organization's Secret, and nowhere else", async () => {
  for (const argv of [
    ["describe", `${org}/x`],
    ["describe", `${org}/x`, "-o", "json"],
    ["logs", `${org}/x`],
    ["list"],
    ["secret", "list", org, "-o", "json"],
  ])
    await done(argv);
  // The tool finds it where it is.
  assert.ok(hasTrace(JSON.stringify(await secrets()), traces));

  // Whatever kinds of objects there are: in the organization's namespace, and in the server's.
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

  // Their logs.
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

  // The image as the registry has it: manifest, configuration, and what is in its layers.
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
