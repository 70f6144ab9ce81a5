import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage, type ImageOptions } from "@faas/builder";
import type { Artifact, Registry } from "@faas/core";
import { KubernetesApi, KubernetesCredentials, type KubernetesObject } from "@faas/platforms/kubernetes-client";
import { KubeConfig } from "@kubernetes/client-node";

/** The cluster, registry and Docker engine of the tests, as named by `KUBECONFIG`, `FAAS_REGISTRY_PUSH` and `DOCKER_HOST`. */

/** Time for the cluster's own work, such as starting a pod or deleting a namespace: a bound for a broken test, not a performance goal. */
export const LIMIT_MS = 60_000;

function registryFromEnvironment(): Registry {
  const push = process.env.FAAS_REGISTRY_PUSH;
  if (!push) {
    throw new Error(
      "These tests need a registry: set FAAS_REGISTRY_PUSH to host[:port] for Docker, and FAAS_REGISTRY_PULL if the nodes use another address",
    );
  }
  return { push, pull: process.env.FAAS_REGISTRY_PULL ?? push };
}

export const registry = registryFromEnvironment();
/** Registry with the base images. */
export const baseRegistry = process.env.FAAS_BASE_REGISTRY || `${registry.push}/library`;

/** Writes a copy of the kubeconfig that `KUBECONFIG` names, with another address or user in its current context. */
export async function writeKubeconfig(path: string, change: { server?: string; token?: string }): Promise<void> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (!cluster || !user) throw new Error("The context of KUBECONFIG has no cluster or no user");
  const { server = cluster.server, token } = change;
  // The certificate is for the original host name. An IP address cannot be a server name (RFC 6066 section 3).
  const { hostname } = new URL(cluster.server);
  const tlsServerName = cluster.tlsServerName ?? (isIP(hostname) ? undefined : hostname);
  config.loadFromClusterAndUser(
    {
      ...cluster,
      server,
      // The client requires this for plain HTTP.
      skipTLSVerify: cluster.skipTLSVerify || server.startsWith("http:"),
      ...(tlsServerName === undefined ? {} : { tlsServerName }),
    },
    token === undefined ? user : { name: user.name, token },
  );
  await writeFile(path, config.exportConfig());
}

/** Returns a name with the id of this test run: run.ts removes all objects with that id at the end. */
export const uniqueName = (prefix: string): string =>
  `${prefix}-${process.env.FAAS_TEST_RUN ?? process.pid}-${randomBytes(3).toString("hex")}`;

/** A unique control server name for a test. All its objects are removed with it, also after a failure. */
export class TestInstance implements AsyncDisposable {
  readonly name = uniqueName("test");
  readonly api: KubernetesApi;
  readonly folder: string;
  readonly #credentials: KubernetesCredentials;
  #orgs = 0;
  #sources = 0;

  private constructor(credentials: KubernetesCredentials, folder: string) {
    this.#credentials = credentials;
    this.api = new KubernetesApi(credentials);
    this.folder = folder;
  }

  static async create(): Promise<TestInstance> {
    const credentials = KubernetesCredentials.load();
    return new TestInstance(credentials, await mkdtemp(join(tmpdir(), "faas-cluster-")));
  }

  /** Returns the name of an organization of this test. It is also removed by its name, for servers with another name. */
  org(): string {
    return `${this.name}-${++this.#orgs}`;
  }

  /** Builds and pushes an image of a function from its source. */
  image(source: string, file = "index.mjs"): Promise<Artifact> {
    return this.imageOf({ [file]: source });
  }

  /** Builds and pushes an image of a folder with these files. Binary ones are executable. */
  async imageOf(
    files: Readonly<Record<string, string | Uint8Array>>,
    settings: Partial<ImageOptions> = {},
  ): Promise<Artifact> {
    const dir = join(this.folder, `source-${++this.#sources}`);
    await mkdir(dir);
    for (const [name, content] of Object.entries(files))
      await writeFile(join(dir, name), content, { mode: typeof content === "string" ? 0o644 : 0o755 });
    const options = { org: "faas-test", endpoint: "function", registry, push: true };
    const { reference, warm } = await buildImage(dir, { ...options, ...settings });
    return { kind: "image", reference, ...(warm ? { warm } : {}) };
  }

  list<T extends KubernetesObject>(kind: Parameters<KubernetesApi["list"]>[0]): Promise<readonly T[]> {
    return this.api.list<T>(kind, undefined, `faas/instance=${this.name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const names = new Set((await this.list("Namespace")).map(({ metadata }) => metadata?.name as string));
    for (let number = 1; number <= this.#orgs; number++) names.add(`faas-${this.name}-${number}`);
    for (const name of names) await this.api.delete("Namespace", undefined, name);
    await this.#credentials.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
