/**
 * Implements `npm run test:cluster [file …]`: reports missing services, runs the tests that need Docker, a registry and a cluster, and removes the
 * objects that they left by label, also after a failure and after Ctrl-C.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { dockerFacts, pingRegistry } from "@faas/builder";
import type { Kind, KubernetesObject } from "@faas/platforms/kubernetes-client";
import { KubernetesApi, KubernetesCredentials } from "@faas/platforms/kubernetes-client";
import { findChromium } from "../browser/chromium.ts";

const root = join(import.meta.dirname, "../..");
const run = `t${randomBytes(3).toString("hex")}`;

/** Files whose tests leave no room on a node for the pods of others: they run after these. */
const FILLS_A_NODE = /\/full-node/;

const KINDS: readonly Kind[] = [
  "ClusterRoleBinding",
  "ClusterRole",
  "ValidatingAdmissionPolicyBinding",
  "ValidatingAdmissionPolicy",
  "Namespace",
];

const given = process.argv.slice(2);
const needsBrowser = given.length === 0 || given.some((file) => file.includes("cluster/page/"));
const missing = await missingServices();
if (missing.length > 0) {
  process.stderr.write(`${["These tests cannot run, because there is no:", ...missing].join("\n  ")}\n`);
  process.exitCode = 1;
} else {
  try {
    process.exitCode = await runTests();
  } finally {
    await reap();
  }
}

async function missingServices(): Promise<string[]> {
  const { FAAS_REGISTRY_PUSH: registry } = process.env;
  const checks: [string, () => Promise<unknown>][] = [
    ["cluster (KUBECONFIG)", () => withApi((api) => api.call("GET", "/version"))],
    ["Docker engine (DOCKER_HOST)", () => dockerFacts()],
    [
      "registry (FAAS_REGISTRY_PUSH, and FAAS_REGISTRY_PULL if the nodes use another address)",
      async () => {
        if (!registry) throw new Error("FAAS_REGISTRY_PUSH is not set");
        await pingRegistry(registry, process.env);
      },
    ],
  ];
  if (needsBrowser) checks.push(["browser for the tests of the web page", async () => findChromium()]);
  const found = await Promise.allSettled(checks.map(([, check]) => check()));
  return found.flatMap((result, index) =>
    result.status === "fulfilled" ? [] : [`${checks[index]?.[0]}: ${(result.reason as Error).message}`],
  );
}

async function runTests(): Promise<number> {
  const files = given.length > 0 ? given : await Array.fromAsync(glob("test/cluster/*/*.test.ts", { cwd: root }));
  const others = files.filter((file) => !FILLS_A_NODE.test(file)).sort();
  const filling = files.filter((file) => FILLS_A_NODE.test(file)).sort();
  const codes = [];
  for (const group of [others, filling]) if (group.length > 0) codes.push(await runFiles(group));
  return Math.max(...codes);
}

async function runFiles(files: readonly string[]): Promise<number> {
  const args = ["--conditions=faas-source", "--import", "tsx", "--test", ...files];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, FAAS_TEST_RUN: run },
    stdio: "inherit",
  });
  // The terminal sends Ctrl-C to the tests too; objects that they do not remove then are removed here.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, "exit");
  return (code as number | null) ?? 1;
}

/** Removes objects with the labels of faas and the id of this run. */
async function reap(): Promise<void> {
  await withApi(async (api) => {
    for (const kind of KINDS) {
      const ours = await api.list<KubernetesObject>(kind, undefined, "app.kubernetes.io/managed-by=faas");
      for (const { metadata } of ours) {
        const { name = "", deletionTimestamp } = metadata ?? {};
        if (!name.includes(run) || deletionTimestamp) continue;
        process.stderr.write(`removing a leftover object: ${kind} ${name}\n`);
        await api.delete(kind, undefined, name);
      }
    }
  });
}

async function withApi<T>(work: (api: KubernetesApi) => Promise<T>): Promise<T> {
  const credentials = KubernetesCredentials.load();
  try {
    return await work(new KubernetesApi(credentials));
  } finally {
    await credentials.close();
  }
}
