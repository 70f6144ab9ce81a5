import type { V1Node } from "@kubernetes/client-node";
import type { KubernetesApi } from "./client/api-client.ts";

/** Platforms of a cluster whose nodes cannot be read. */
const UNKNOWN: readonly string[] = ["linux/amd64"];
const FRESH_MS = 30_000;
const TIMEOUT_MS = 2_000;

/**
 * Returns a function that reads the operating systems and CPUs of the nodes, such as `linux/amd64`, sorted: the last known ones if the nodes cannot be
 * read.
 */
export function nodePlatforms(api: Pick<KubernetesApi, "list">, signal: AbortSignal): () => Promise<readonly string[]> {
  let known = UNKNOWN;
  let freshUntil = 0;
  return async () => {
    if (performance.now() < freshUntil) return known;
    // Also after a failure: not every deployment waits for an attempt.
    freshUntil = performance.now() + FRESH_MS;
    const both = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    // A server that was installed by an older release may not list nodes.
    const nodes = await api.list<V1Node>("Node", undefined, "", both).catch(() => undefined);
    known = nodes ? platformsOf(nodes) : known;
    return known;
  };
}

/** Returns the platforms of nodes that images can be built for. */
function platformsOf(nodes: readonly V1Node[]): readonly string[] {
  const found = nodes.flatMap(({ status }) => {
    const { operatingSystem, architecture } = status?.nodeInfo ?? {};
    return operatingSystem === "linux" && architecture ? [`linux/${architecture}`] : [];
  });
  return found.length === 0 ? UNKNOWN : [...new Set(found)].sort();
}
