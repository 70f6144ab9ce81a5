import type { V1Pod } from "@kubernetes/client-node";
import { type InformerOptions, runInformer, type WatchHandler } from "../client/informer.ts";
import type { KubernetesObject } from "../client/objects.ts";
import { GATEWAY_NAME, LABELS } from "../reconcile/manifests/labels.ts";

/**
 * Follows the pods of a control server's gateways: yields the names of all that run as soon as they are known, and again after each change. A pod whose
 * node is lost still runs, as far as is known. Ends when the signal aborts.
 */
export async function* gatewayPods(
  options: Omit<InformerOptions, "labelSelector" | "signal">,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  const names = new Set<string>();
  let isDue = false;
  let wake = () => {};
  const changed = () => {
    isDue = true;
    wake();
  };
  const observe = (pod: V1Pod) => {
    const { metadata, status } = pod;
    const runs = status?.containerStatuses?.some(({ state }) => state?.running !== undefined) ?? false;
    if (runs) names.add(metadata?.name ?? "");
    else names.delete(metadata?.name ?? "");
  };
  signal.addEventListener("abort", changed);
  const labelSelector = `${LABELS.name}=${GATEWAY_NAME},${LABELS.installation}=${namespace}`;
  const handler: WatchHandler<V1Pod> = {
    listed(pods) {
      names.clear();
      pods.forEach(observe);
      changed();
    },
    changed(pod) {
      observe(pod);
      changed();
    },
    deleted({ metadata }) {
      names.delete(metadata?.name ?? "");
      changed();
    },
  };
  void runInformer("Pod", { ...options, labelSelector, signal }, handler as WatchHandler<KubernetesObject>);
  try {
    while (!signal.aborted) {
      if (isDue) {
        isDue = false;
        yield [...names];
      } else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener("abort", changed);
  }
}
