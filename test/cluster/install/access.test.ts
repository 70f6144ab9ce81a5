import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathOf } from "@faas/platforms/kubernetes-client";
import { FaasProcess } from "@faas/testing";
import { LIMIT_MS, TestInstance, writeKubeconfig } from "../cluster.ts";

/** `faas up --platform kubernetes` exits with the reason if it cannot use the cluster. */
describe("faas up on an unusable cluster", { concurrency: 2 }, () => {
  const up = async (env: (folder: string) => NodeJS.ProcessEnv, ...more: string[]) => {
    await using faas = new FaasProcess();
    const args = ["up", "--platform", "kubernetes", "--port", "0", ...more];
    const { code, stderr } = await faas.run(args, { env: env(faas.folder), timeoutMs: LIMIT_MS / 2 });
    assert.equal(code, 1, stderr);
    assert.doesNotMatch(stderr, /^\s+at /m);
    return stderr;
  };

  test("names a missing kubeconfig", async () => {
    const stderr = await up((folder) => ({ KUBECONFIG: join(folder, "none"), HOME: folder }));
    assert.match(stderr, /KUBECONFIG names a missing file \(\S+\/none\): .* \(CLUSTER_CONFIG_INVALID\)/);
  });

  test("says how to set a kubeconfig", async () => {
    const stderr = await up((folder) => ({ KUBECONFIG: "", HOME: folder }));
    assert.match(stderr, /No kubeconfig found: set KUBECONFIG, or create ~\/\.kube\/config \(CLUSTER_CONFIG_INVALID\)/);
  });

  test("gives the syntax error of a kubeconfig", async () => {
    await using instance = await TestInstance.create();
    const path = join(instance.folder, "broken");
    await writeFile(path, "clusters: [");
    const stderr = await up(() => ({ KUBECONFIG: path }));
    assert.match(stderr, /Cannot read the kubeconfig: .* \(CLUSTER_CONFIG_INVALID\)/s);
  });

  test("lists the contexts if the given one is unknown", async () => {
    const stderr = await up(() => ({}), "--context", "elsewhere");
    assert.match(stderr, /Expected a context of the kubeconfig \(.+\), got "elsewhere" \(CLUSTER_CONFIG_INVALID\)/);
  });

  test("names an unreachable API server", async () => {
    await using instance = await TestInstance.create();
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

  test("names a missing permission and the account", async () => {
    await using instance = await TestInstance.create();
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
        `The cluster denies access: .*"system:serviceaccount:${name}:nobody" cannot list resource "\\w+".*run "faas doctor".*\\(CLUSTER_FORBIDDEN\\)`,
      ),
    );
  });
});

/** Returns a port that nothing listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
