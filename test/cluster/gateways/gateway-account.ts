import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverManifests } from "@faas/installer";
import { KubernetesApi, KubernetesCredentials, type KubernetesObject } from "@faas/platforms/kubernetes-client";
import { InClusterApi } from "@faas/platforms/kubernetes-gateway";
import { KubeConfig } from "@kubernetes/client-node";
import { LIMIT_MS, uniqueName } from "../cluster.ts";
import { eventuallyHolds } from "../eventually.ts";

/** Kinds of the objects that give a gateway its permissions. */
const KINDS = [
  "ServiceAccount",
  "ClusterRole",
  "ClusterRoleBinding",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
];

/** The service account of an installation's gateways, without the gateways. Its objects are removed with it. */
export class GatewayAccount implements AsyncDisposable {
  /** Namespace of the installation, and name of its control server. */
  readonly namespace: string;
  /** The cluster, as a gateway may use it. */
  readonly api: InClusterApi;
  readonly #credentials: KubernetesCredentials;
  readonly #folder: string;
  readonly #created: readonly KubernetesObject[];

  private constructor(
    namespace: string,
    api: InClusterApi,
    credentials: KubernetesCredentials,
    folder: string,
    created: readonly KubernetesObject[],
  ) {
    this.namespace = namespace;
    this.api = api;
    this.#credentials = credentials;
    this.#folder = folder;
    this.#created = created;
  }

  static async create(): Promise<GatewayAccount> {
    const credentials = KubernetesCredentials.load();
    const admin = new KubernetesApi(credentials);
    const folder = await mkdtemp(join(tmpdir(), "faas-account-"));
    const namespace = uniqueName("gateways");
    const manifests = serverManifests({
      ...{ namespace, image: "none", storage: "1Gi", expose: "none", gateways: "2", gatewayToken: "none" },
    }) as readonly KubernetesObject[];
    const created = manifests.filter(
      ({ kind = "", metadata }) =>
        kind === "Namespace" || (KINDS.includes(kind) && metadata?.name?.startsWith("faas-gateway")),
    );
    assert.equal(created.length, 1 + KINDS.length);
    for (const object of created) await admin.apply(object);
    const account = `/api/v1/namespaces/${namespace}/serviceaccounts/faas-gateway/token`;
    const { status } = await admin.call<{ status: { token: string } }>("POST", account, {
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
    });
    const api = new InClusterApi(await writeAccount(folder, status.token));
    return new GatewayAccount(namespace, api, credentials, folder, created);
  }

  /** Waits until the API server enforces the policy: it learns of a new one after a moment. */
  async policyEnforced(): Promise<void> {
    const { metadata } = this.#created.find(({ kind }) => kind === "ServiceAccount") as KubernetesObject;
    const path = `/apis/apps/v1/namespaces/${metadata?.namespace}/deployments/none`;
    await new KubernetesApi(this.#credentials).create({
      ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "none", namespace: this.namespace } },
      ...{ spec: { replicas: 0, selector: { matchLabels: { x: "x" } }, template: podTemplate() } },
    });
    const attempt = () =>
      this.api
        .call("PATCH", `${path}/scale`, {
          body: { spec: { replicas: 0 } },
          contentType: "application/merge-patch+json",
          query: { dryRun: "All" },
        })
        .then(
          () => "allowed",
          (error: Error) => error.message,
        );
    await eventuallyHolds("the policy is enforced", attempt, (outcome) => /a gateway may only/.test(outcome), LIMIT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.api[Symbol.dispose]();
    const admin = new KubernetesApi(this.#credentials);
    for (const { kind, metadata } of this.#created.toReversed())
      await admin.delete(kind as "Namespace", metadata?.namespace, metadata?.name as string);
    await this.#credentials.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const podTemplate = () => ({ metadata: { labels: { x: "x" } }, spec: { containers: [{ name: "x", image: "none" }] } });

/** Writes the files of a service account, as the kubelet does; returns the environment of a pod that has it. */
async function writeAccount(accountFolder: string, token: string) {
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  assert.ok(cluster?.caData, "the kubeconfig has the certificate authority");
  const { hostname, port } = new URL(cluster.server);
  await writeFile(join(accountFolder, "ca.crt"), Buffer.from(cluster.caData, "base64"));
  await writeFile(join(accountFolder, "token"), token);
  return { env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port || "443" }, accountFolder };
}
