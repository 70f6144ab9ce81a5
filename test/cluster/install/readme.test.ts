import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { KubernetesApi, KubernetesCredentials, type KubernetesObject } from "@faas/platforms/kubernetes-client";
import { tempDir } from "@faas/testing";
import { registry, uniqueName } from "../cluster.ts";
import { eventuallyHolds } from "../eventually.ts";

const root = join(import.meta.dirname, "../../..");

test("every command block of the README's section on Kubernetes works, and leaves nothing behind", async () => {
  const text = await readFile(join(root, "README.md"), "utf8");
  const blocks = [...text.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string);
  assert.equal(blocks.length, 3);
  const name = uniqueName("readme");
  const namespace = `faas-${name}-system`;
  const folder = tempDir("readme");
  // Replaces the namespace and the organization by those of this test.
  const script = `set -euxo pipefail\nnpx() { "$@"; } # the clone's own faas, which is on PATH\n${blocks.join("\n")}`
    .replaceAll(/faas (install|uninstall)/g, `faas $1 --namespace ${namespace}`)
    .replaceAll("localhost:5000", registry.push)
    .replaceAll("acme", name);
  const env = {
    ...process.env,
    PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
    FAAS_REGISTRY_PULL: registry.pull,
    // Folder in which faas install stores the admin key.
    XDG_CONFIG_HOME: folder,
  };
  const credentials = KubernetesCredentials.load();
  const api = new KubernetesApi(credentials);
  try {
    const { code, output } = await bash(script, folder, env);
    assert.equal(code, 0, output);
    assert.match(output, /\{"hello": ?"you"\}/);
    const leftObjects = async () => {
      const namespaces = await api.list<KubernetesObject>("Namespace", undefined, `faas/instance=${namespace}`);
      const roles = await api.list("ClusterRole", undefined, `app.kubernetes.io/instance=${namespace}`);
      const own = await api.get("Namespace", undefined, namespace);
      return [...namespaces, ...roles, ...(own ? [own] : [])].map(({ metadata }) => metadata?.name);
    };
    await eventuallyHolds("no object is left", leftObjects, ({ length }) => length === 0);
  } finally {
    await bash(`faas uninstall --namespace ${namespace} --yes`, folder, env);
    await credentials.close();
  }
});

async function bash(script: string, cwd: string, env: NodeJS.ProcessEnv) {
  const child = spawn("bash", ["-c", script], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (piece) => (output += piece));
  const [code] = await once(child, "close");
  return { code: code as number | null, output };
}
