import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { KubernetesApi, KubernetesCredentials } from "@faas/platforms/kubernetes-client";
import type { V1Pod } from "@kubernetes/client-node";
import { testServer } from "../../../packages/cli/src/testing/test-server.ts";
import { registry, uniqueName } from "../cluster.ts";
import { eventuallyHolds } from "../eventually.ts";

const server = await testServer({ kubernetes: { registry } });
const credentials = KubernetesCredentials.load();
const api = new KubernetesApi(credentials);
const org = uniqueName("export");
const namespace = uniqueName("exported");
after(async () => {
  for (const name of [namespace, `faas-${org}`]) await api.delete("Namespace", undefined, name);
  await credentials.close();
});
/** Environment of the commands, which run in this process. */
const env = Object.fromEntries(
  ["DOCKER_HOST", "DOCKER_CONFIG", "HOME"].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
) as Record<string, string>;

function kubectl(args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync("kubectl", args, { input, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

const SOURCE = 'export const handler = () => "the secret is " + process.env.TOKEN;\n';

test("an exported endpoint serves in another namespace after it was removed from faas", async (t) => {
  const run = async (argv: readonly string[], input?: string) => {
    const ended = await server.run(t, argv, { env, ...(input === undefined ? {} : { input }) });
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  await run(["org", "create", org]);
  await run(["secret", "set", org, "KEY"], "secret");
  const folder = await server.source("hello", SOURCE);
  await run(["deploy", folder, "--org", org, "--endpoint", "hello", "--secret", "KEY=TOKEN", "--no-wait"]);
  const { stdout: yaml, stderr } = await run(["export", `${org}/hello`]);
  await run(["remove", `${org}/hello`, "--yes"]);

  const [command] = /kubectl create secret .*/.exec(stderr) ?? [""];
  kubectl(["create", "namespace", namespace]);
  kubectl(["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]);
  kubectl([...command.replace("=VALUE", "=visible").split(" ").slice(1), "--namespace", namespace]);
  kubectl(["apply", "--namespace", namespace, "--filename", "-"], yaml);
  kubectl(["rollout", "status", "deployment/hello", "--namespace", namespace, "--timeout", "60s"]);
  const ip = await eventuallyHolds(
    "the pod has an address",
    async () => (await api.list<V1Pod>("Pod", namespace, ""))[0]?.status?.podIP,
    (found) => found !== undefined,
  );
  const response = await fetch(`http://${ip}:8080/`);
  assert.deepEqual([response.status, await response.text()], [200, "the secret is visible"]);
});
