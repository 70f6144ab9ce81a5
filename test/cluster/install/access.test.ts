import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathOf } from "@faas/platforms/kubernetes-client";
import { FaasProcess } from "@faas/testing";
import { LIMIT_MS, TestInstance, writeKubeconfig } from "../cluster.ts";

/** `faas up --platform kubernetes` without a cluster, or without rights there: says what is missing, and ends. */
describe("a cluster that cannot be used", { concurrency: 2 }, () => {
  const up = async (env: (folder: string) => NodeJS.ProcessEnv, ...more: string[]) => {
    await using faas = new FaasProcess();
    const args = ["up", "--platform", "kubernetes", "--port", "0", ...more];
    const { code, stderr } = await faas.run(args, { env: env(faas.folder), timeoutMs: LIMIT_MS / 2 });
    assert.equal(code, 1, stderr);
    assert.doesNotMatch(stderr, /^\s+at /m);
    return stderr;
  };

  test("no kubeconfig", async () => {
    const stderr = await up((folder) => ({ KUBECONFIG: join(folder, "none"), HOME: folder }));
    assert.match(stderr, /KUBECONFIG names a file that is not there \(\S+\/none\): .* \(CLUSTER_CONFIG_INVALID\)/);
  });

  test("nothing set, and none in the home folder", async () => {
    const stderr = await up((folder) => ({ KUBECONFIG: "", HOME: folder }));
    assert.match(
      stderr,
      /There is no kubeconfig: set KUBECONFIG, or write ~\/\.kube\/config \(CLUSTER_CONFIG_INVALID\)/,
    );
  });

  test("a kubeconfig that is not YAML", async () => {
    await using instance = await TestInstance.make();
    const path = join(instance.folder, "broken");
    await writeFile(path, "clusters: [");
    const stderr = await up(() => ({ KUBECONFIG: path }));
    assert.match(stderr, /The kubeconfig cannot be read: .* \(CLUSTER_CONFIG_INVALID\)/s);
  });

  test("a context that the kubeconfig does not have", async () => {
    const stderr = await up(() => ({}), "--context", "elsewhere");
    assert.match(stderr, /Expected a context of the kubeconfig \(.+\), got "elsewhere" \(CLUSTER_CONFIG_INVALID\)/);
  });

  test("an API server that does not answer", async () => {
    await using instance = await TestInstance.make();
    const path = join(instance.folder, "away");
    const port = await closedPort();
    await writeKubeconfig(path, { server: `https://127.0.0.1:${port}` });
    const stderr = await up(() => ({ KUBECONFIG: path }));
    assert.match(
      stderr,
      new RegExp(
        `The Kubernetes API server at https://127\\.0\\.0\\.1:${port} does not answer \\(ECONNREFUSED\\).* \\(CLUSTER_UNREACHABLE\\)`,
      ),
    );
  });

  test("no rights: which verb on what, and for whom", async () => {
    await using instance = await TestInstance.make();
    const { api, name } = instance;
    const labels = { "faas/instance": name };
    await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "nobody", namespace: name, labels } };
    await api.create(account);
    const { status } = await api.call<{ status: { token: string } }>(
      "POST",
      `${pathOf("ServiceAccount", name, "nobody")}/token`,
      { body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} } },
    );
    const path = join(instance.folder, "nobody");
    await writeKubeconfig(path, { token: status.token });
    const stderr = await up(() => ({ KUBECONFIG: path }));
    assert.match(
      stderr,
      new RegExp(
        `The cluster refuses: .*"system:serviceaccount:${name}:nobody" cannot list resource "\\w+".*run "faas doctor".*\\(CLUSTER_FORBIDDEN\\)`,
      ),
    );
  });
});

/** Nobody listens on it any more. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
