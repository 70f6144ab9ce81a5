import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findInstalled, KubernetesApi, KubernetesCredentials, uninstallServer } from "@faas/installer";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import { runHere } from "../../../packages/cli/src/testing/test-cli.ts";
import { LIMIT_MS, registry, uniqueName } from "../cluster.ts";
import { eventuallyHolds } from "../eventually.ts";

type Deployment = V1Deployment & KubernetesObject;
type Pod = V1Pod & KubernetesObject;
/** Name of a Deployment of an installation, and label of its pods. */
type Part = "faas-server" | "faas-gateway";

/** An installation with gateways in pods of their own, and commands for it. Everything is removed with it, also after a failure. */
export class GatewayInstallation implements AsyncDisposable {
  readonly namespace = uniqueName("faas-gateways-test");
  readonly org = `${this.namespace.replace("faas-", "")}-org`;
  readonly api: KubernetesApi;
  url = "";
  readonly #credentials: KubernetesCredentials;
  readonly #folder: string;

  private constructor(credentials: KubernetesCredentials, folder: string) {
    this.#credentials = credentials;
    this.api = new KubernetesApi(credentials);
    this.#folder = folder;
  }

  static async create(...options: readonly string[]): Promise<GatewayInstallation> {
    const folder = await mkdtemp(join(tmpdir(), "faas-installation-"));
    const installation = new GatewayInstallation(KubernetesCredentials.load(), folder);
    try {
      await installation.install(...options);
      return installation;
    } catch (error) {
      await installation[Symbol.asyncDispose]();
      throw error;
    }
  }

  async install(...options: readonly string[]): Promise<void> {
    this.url = (await this.faas("install", "--namespace", this.namespace, ...options)).stdout.trim();
  }

  /** Runs a command; asserts that it succeeds. */
  async faas(...argv: readonly string[]) {
    const env = {
      ...process.env,
      XDG_CONFIG_HOME: this.#folder,
      FAAS_REGISTRY_PUSH: registry.push,
      FAAS_REGISTRY_PULL: registry.pull,
      ...(this.url === "" ? {} : { FAAS_SERVER: this.url }),
    } as Record<string, string>;
    const ended = await runHere({ after: () => {} }, [...argv], { cwd: this.#folder, env });
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  }

  /** Deploys a function in Node. */
  async deploy(endpoint: string, source: string, ...options: readonly string[]): Promise<void> {
    const folder = join(this.#folder, endpoint);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "index.mjs"), source);
    await this.faas("deploy", folder, "--org", this.org, "--endpoint", endpoint, ...options);
  }

  /** Returns the header with the admin key. */
  async key(): Promise<Record<string, string>> {
    const { servers } = JSON.parse(await readFile(join(this.#folder, "faas/credentials.json"), "utf8"));
    return { authorization: `Bearer ${servers[this.url].token}` };
  }

  /** Sends a request on a connection of its own. */
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { connection: "close", ...(await this.key()), ...(init.headers as Record<string, string>) };
    return fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(LIMIT_MS), ...init, headers });
  }

  /** Calls an endpoint; returns the status and the text. */
  async call(endpoint: string): Promise<readonly [number, string]> {
    const response = await this.send(`/${this.org}/${endpoint}`);
    return [response.status, await response.text()];
  }

  pods(part: Part): Promise<readonly Pod[]> {
    const selector = `app.kubernetes.io/name=${part},app.kubernetes.io/instance=${this.namespace}`;
    return this.api.list<Pod>("Pod", this.namespace, selector);
  }

  /** Lists the pods of an endpoint that are not being deleted. */
  async replicas(endpoint: string): Promise<readonly Pod[]> {
    const pods = await this.api.list<Pod>("Pod", `faas-${this.org}`, `faas/endpoint=${endpoint}`);
    return pods.filter(({ metadata }) => !metadata?.deletionTimestamp);
  }

  /** Returns the number of replicas in the spec of an endpoint's Deployment. */
  async scaleOf(endpoint: string): Promise<number | undefined> {
    return (await this.api.get<Deployment>("Deployment", `faas-${this.org}`, endpoint))?.spec?.replicas;
  }

  /** Sets the number of pods of a part of the installation, and waits until there are as many. */
  async scale(part: Part, replicas: number): Promise<void> {
    await this.#patch(part, { spec: { replicas } });
    await eventuallyHolds(
      `${replicas} pods of ${part}`,
      async () =>
        (await this.pods(part)).filter(isReady).length + (replicas === 0 ? (await this.pods(part)).length : 0),
      (count) => count === replicas,
    );
  }

  /** Replaces all pods of a part of the installation, as `kubectl rollout restart` does, and waits until that is done. */
  async restart(part: Part): Promise<void> {
    const annotations = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
    await this.#patch(part, { spec: { template: { metadata: { annotations } } } });
    await this.#replaced(part);
  }

  /** Returns the image of a part of the installation. */
  async imageOf(part: Part): Promise<string> {
    const found = await this.api.get<Deployment>("Deployment", this.namespace, part);
    return found?.spec?.template.spec?.containers[0]?.image ?? "";
  }

  /** Changes the image of a part of the installation, and waits until all of its pods run it. */
  async setImage(part: Part, image: string): Promise<void> {
    const containers = [{ name: part === "faas-server" ? "server" : "gateway", image }];
    await this.#patch(part, { spec: { template: { spec: { containers } } } }, "application/strategic-merge-patch+json");
    await this.#replaced(part);
  }

  async #replaced(part: Part): Promise<void> {
    await eventuallyHolds(
      `${part} is replaced`,
      () => this.api.get<Deployment>("Deployment", this.namespace, part),
      (deployment) => {
        const { metadata, spec, status } = deployment ?? {};
        return (
          status?.observedGeneration === metadata?.generation &&
          status?.updatedReplicas === spec?.replicas &&
          status?.availableReplicas === spec?.replicas &&
          status?.replicas === spec?.replicas
        );
      },
    );
  }

  #patch(part: Part, body: object, contentType = "application/merge-patch+json") {
    const path = `/apis/apps/v1/namespaces/${this.namespace}/deployments/${part}`;
    return this.api.call("PATCH", path, { body, contentType });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { api, namespace } = this;
    await uninstallServer(api, await findInstalled(api, namespace), false, { namespace, timeoutMs: LIMIT_MS });
    await this.#credentials.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export const isReady = ({ metadata, status }: Pod): boolean =>
  !metadata?.deletionTimestamp &&
  (status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false);
