import type { V1Node } from "@kubernetes/client-node";
import type { KubernetesApi } from "./client/api-client.ts";

/** Platforms of a cluster whose nodes cannot be read. */
const UNKNOWN: readonly string[] = ["linux/amd64"];
const FRESH_MS = 30_000;
const TIMEOUT_MS = 2_000;

/** Operating systems and CPUs of the nodes on which replicas run. They are read when they are asked for, because nodes come and go. */
export class NodePlatforms {
  readonly #api: KubernetesApi;
  #known: readonly string[] = UNKNOWN;
  #freshUntil = 0;

  constructor(api: KubernetesApi) {
    this.#api = api;
  }

  /** Returns names such as `linux/amd64`, sorted: the last known ones if the nodes cannot be read. */
  async read(nowMs: number, signal?: AbortSignal): Promise<readonly string[]> {
    if (nowMs < this.#freshUntil) return this.#known;
    // Also after a failure: who asks does not wait for each attempt.
    this.#freshUntil = nowMs + FRESH_MS;
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const both = signal ? AbortSignal.any([signal, timeout]) : timeout;
      this.#known = platformsOf(await this.#api.list<V1Node>("Node", undefined, "", both));
    } catch {
      // A server that was installed by an older release may not list nodes.
    }
    return this.#known;
  }
}

/** Returns the platforms of nodes that images can be built for. */
export function platformsOf(nodes: readonly V1Node[]): readonly string[] {
  const found = nodes.flatMap(({ status }) => {
    const { operatingSystem, architecture } = status?.nodeInfo ?? {};
    return operatingSystem === "linux" && architecture ? [`linux/${architecture}`] : [];
  });
  return found.length === 0 ? UNKNOWN : [...new Set(found)].sort();
}
