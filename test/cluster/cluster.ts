import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage } from "@faas/builder";
import type { Artifact, Registry } from "@faas/core";
import { KubernetesApi, KubernetesCredentials, type KubernetesObject } from "@faas/platforms/kubernetes-client";
import { KubeConfig } from "@kubernetes/client-node";

/** What tests need of the cluster, the registry and the Docker engine that `KUBECONFIG`, `FAAS_REGISTRY_PUSH` and `DOCKER_HOST` name. */

/** Time for what a cluster does by itself: a pod's start, a namespace's end. */
export const LIMIT_MS = 60_000;

function registryFromEnvironment(): Registry {
  const push = process.env.FAAS_REGISTRY_PUSH;
  if (!push) {
    throw new Error(
      "These tests need a registry: set FAAS_REGISTRY_PUSH to host[:port] as Docker reaches it, and FAAS_REGISTRY_PULL when nodes call it otherwise",
    );
  }
  return { push, pull: process.env.FAAS_REGISTRY_PULL ?? push };
}

export const registry = registryFromEnvironment();

/** Writes the kubeconfig that `KUBECONFIG` names, with another address or another user in the context that is used. */
export async function writeKubeconfig(path: string, change: { server?: string; token?: string }): Promise<void> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (!cluster || !user) throw new Error("KUBECONFIG's context names no cluster, or no user");
  const { server = cluster.server, token } = change;
  // The certificate is for the name of the real one; an IP address cannot be told so (RFC 6066 section 3).
  const { hostname } = new URL(cluster.server);
  const tlsServerName = cluster.tlsServerName ?? (isIP(hostname) ? undefined : hostname);
  config.loadFromClusterAndUser(
    {
      ...cluster,
      server,
      // The client refuses to speak plain HTTP otherwise.
      skipTLSVerify: cluster.skipTLSVerify || server.startsWith("http:"),
      ...(tlsServerName === undefined ? {} : { tlsServerName }),
    },
    token === undefined ? user : { name: user.name, token },
  );
  await writeFile(path, config.exportConfig());
}

/** A name that this run alone has: what carries it is removed when the run is over (run.ts). */
export const uniqueName = (what: string): string =>
  `${what}-${process.env.FAAS_TEST_RUN ?? process.pid}-${randomBytes(3).toString("hex")}`;

/** A control server's name that is this test's alone; its objects are reaped by it, whatever happened. */
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

  static async make(): Promise<TestInstance> {
    const credentials = KubernetesCredentials.load();
    return new TestInstance(credentials, await mkdtemp(join(tmpdir(), "faas-cluster-")));
  }

  /** An organization of this test; reaped by its name too, for a server that has another name. */
  org(): string {
    return `${this.name}-${++this.#orgs}`;
  }

  /** Pushes an image whose function is this source. */
  image(source: string, file = "index.mjs"): Promise<Artifact> {
    return this.imageOf({ [file]: source });
  }

  /** Pushes an image of a folder with these files. */
  async imageOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<Artifact> {
    const dir = join(this.folder, `source-${++this.#sources}`);
    await mkdir(dir);
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
    const { reference } = await buildImage(dir, { org: "faas-test", endpoint: "function", registry, push: true });
    return { kind: "image", reference };
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
