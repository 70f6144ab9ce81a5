import { FIELD_MANAGER, type KubernetesApi } from "../client/api-client.ts";
import { ClusterError } from "../client/cluster-error.ts";
import { type Kind, type KubernetesObject, pathOf } from "../client/objects.ts";
import { withForeignFieldsOwned } from "./drift.ts";

const MAX_ATTEMPTS = 10;
/** Time without a change after which the backoff is reset. */
const RESET_MS = 600_000;
const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 300_000;

/** Applies an object and removes all fields in `spec` that other field managers added. */
export async function forceApply<T extends KubernetesObject>(
  api: KubernetesApi,
  object: T,
  signal?: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      await takeOwnership(api, object, signal);
      break;
    } catch (error) {
      // A controller wrote the status in between.
      if (attempt < MAX_ATTEMPTS && error instanceof ClusterError && error.reason === "Conflict") continue;
      throw error;
    }
  }
  return api.apply(object, signal);
}

async function takeOwnership(api: KubernetesApi, object: KubernetesObject, signal?: AbortSignal): Promise<void> {
  const { namespace, name = "" } = object.metadata ?? {};
  const kind = object.kind as Kind;
  const observed = await api.get<KubernetesObject>(kind, namespace, name, signal);
  const managedFields = observed && withForeignFieldsOwned({ ...observed, kind });
  if (!managedFields) return;
  await api.call("PATCH", pathOf(kind, namespace, name), {
    body: [
      { op: "replace", path: "/metadata/managedFields", value: managedFields },
      // Rejected as a conflict after any write in between.
      { op: "replace", path: "/metadata/resourceVersion", value: observed.metadata?.resourceVersion },
    ],
    contentType: "application/json-patch+json",
    query: { fieldManager: FIELD_MANAGER },
    signal,
  });
}

/** Backoff before an object is applied again: grows while another program changes the object each time. */
export class ReapplyBackoff {
  readonly #reapplied = new Map<string, { readonly atMs: number; readonly times: number }>();

  /** Returns the milliseconds to wait, and counts the object as applied again after that. */
  next(name: string, nowMs: number): number {
    const { atMs, times } = this.#reapplied.get(name) ?? { atMs: 0, times: 0 };
    if (nowMs - atMs > RESET_MS) {
      this.#reapplied.set(name, { atMs: nowMs, times: 1 });
      return 0;
    }
    const waitMs = Math.min(MAX_WAIT_MS, MIN_WAIT_MS * 2 ** (times - 1));
    this.#reapplied.set(name, { atMs: nowMs + waitMs, times: times + 1 });
    return waitMs;
  }
}
