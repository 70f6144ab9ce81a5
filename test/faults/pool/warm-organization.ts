import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Artifact, SettingsInput } from "@faas/core";
import type { KubernetesApi, KubernetesObject } from "@faas/platforms/kubernetes-client";
import { eventually } from "@faas/testing";
import type { V1Pod } from "@kubernetes/client-node";
import { Executions } from "../executions.ts";
import { addressFor, Served, type ServedOptions } from "../served.ts";
import { Calls } from "./calls.ts";
import { NAMED_FUNCTION } from "./named-function.ts";
import { type ComparedServer, differences } from "./objects.ts";

export type Pod = V1Pod & KubernetesObject;

const LIMIT_MS = 90_000;
/** Time after which the server also knows that a pod is ready. */
const KNOWN_MS = 1_000;
/** Time for the objects to agree after a fault. */
const SETTLE_MS = 120_000;

/** A server with an organization whose endpoints start in warm pods. */
export class WarmOrganization implements AsyncDisposable {
  readonly served: Served;
  readonly executions: Executions;
  readonly calls = new Calls();
  readonly endpoints: string[] = [];
  readonly #artifact: Artifact;

  private constructor(served: Served, executions: Executions, artifact: Artifact) {
    this.served = served;
    this.executions = executions;
    this.#artifact = artifact;
  }

  static async start(options: ServedOptions = {}): Promise<WarmOrganization> {
    const executions = await Executions.start();
    try {
      const served = await Served.start("kubernetes", options);
      return new WarmOrganization(served, executions, await served.warmArtifact(NAMED_FUNCTION));
    } catch (error) {
      await executions[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Deploys an endpoint of the named function. */
  async deploy(name: string, { env, ...settings }: SettingsInput = {}): Promise<void> {
    await this.served.deploy(name, this.#artifact, {
      runtime: "node",
      ...settings,
      env: { ...env, NAME: name, COUNTER: counterOf(this.executions) },
    });
    if (!this.endpoints.includes(name)) this.endpoints.push(name);
  }

  /** Sends a call to an endpoint. */
  call(endpoint: string, method: "GET" | "POST" = "GET") {
    const { url, org } = this.served;
    return this.calls.send({ url, org, endpoint }, method);
  }

  /** Writes the log of the server so far into a file that stays, and returns its path. */
  async keepLog(): Promise<string> {
    const path = join(tmpdir(), `faas-${this.served.org}-${performance.now().toFixed(0)}.log`);
    await writeFile(path, this.served.log());
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.calls[Symbol.asyncDispose]();
    await this.served[Symbol.asyncDispose]();
    await this.executions[Symbol.asyncDispose]();
  }
}

/** Returns the address at which functions in the cluster report their executions. */
export const counterOf = ({ port }: Executions): string => `http://${addressFor("kubernetes")}:${port}`;

interface OrganizationInCluster {
  readonly api: KubernetesApi;
  readonly org: string;
}

/** Lists the pods of an organization that wait for a function. */
export async function waitingPods({ api, org }: OrganizationInCluster): Promise<readonly Pod[]> {
  const pods = await api.list<Pod>("Pod", `faas-${org}`, "faas/warm");
  return pods.filter(({ metadata }) => !metadata?.deletionTimestamp);
}

/** Waits until a number of pods has been waiting for so long that the server knows of them, and returns them. */
export function untilWaiting(organization: OrganizationInCluster, count = 1): Promise<readonly Pod[]> {
  const isKnown = ({ status }: Pod) => {
    const ready = status?.conditions?.find(({ type, status: value }) => type === "Ready" && value === "True");
    return Date.now() - new Date(ready?.lastTransitionTime ?? Number.POSITIVE_INFINITY).getTime() > KNOWN_MS;
  };
  return eventually(
    `${count} warm pods wait`,
    async () => {
      const pods = (await waitingPods(organization)).filter(isKnown);
      return pods.length >= count && pods;
    },
    { timeoutMs: LIMIT_MS, intervalMs: 50 },
  );
}

/** Waits until an endpoint has no pod, and its server says so. */
export async function untilCold(server: ComparedServer, endpoint: string): Promise<void> {
  const { api, org } = server;
  await eventually(
    `${endpoint} has no pod`,
    async () => {
      const pods = await api.list<Pod>("Pod", `faas-${org}`, `faas/endpoint=${endpoint}`);
      return pods.length === 0 && (await server.view(endpoint)).phase === "idle";
    },
    { timeoutMs: LIMIT_MS, intervalMs: 100 },
  );
}

/** Waits until the objects of an organization agree; returns the differences that stay, an empty list if none does. */
export async function lastingDifferences(server: ComparedServer, endpoints: readonly string[]): Promise<string[]> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const found = await differences(server, endpoints).catch((error: Error) => [`not compared: ${error.message}`]);
    if (found.length === 0 || performance.now() > deadline) return found;
    await delay(200);
  }
}
