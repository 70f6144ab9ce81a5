import {
  ClusterError,
  FIELD_MANAGER,
  type Kind,
  type KubernetesApi,
  type KubernetesObject,
  pathOf,
} from "../client/api-client.ts";
import { takenOver } from "./drift.ts";

const TAKE_TRIES = 10;
/** A pause that has passed without a change counts as peace. */
const PEACE_MS = 600_000;
const PAUSE_FIRST_MS = 1_000;
const PAUSE_MOST_MS = 300_000;

/** Server-side apply that leaves nothing in `spec` of what others added. */
export async function forceApply<T extends KubernetesObject>(
  api: KubernetesApi,
  wanted: T,
  signal?: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      await takeOver(api, wanted, signal);
      break;
    } catch (error) {
      // A controller wrote its status in between.
      if (attempt < TAKE_TRIES && error instanceof ClusterError && error.reason === "Conflict") continue;
      throw error;
    }
  }
  return api.apply(wanted, signal);
}

async function takeOver(api: KubernetesApi, { kind: is, metadata = {} }: KubernetesObject, signal?: AbortSignal) {
  const { namespace, name = "" } = metadata;
  const kind = is as Kind;
  const found = await api.get<KubernetesObject>(kind, namespace, name, signal);
  const managedFields = found && takenOver({ ...found, kind });
  if (!managedFields) return;
  await api.call("PATCH", pathOf(kind, namespace, name), {
    body: [
      { op: "replace", path: "/metadata/managedFields", value: managedFields },
      // Refused as a conflict when somebody wrote since then.
      { op: "replace", path: "/metadata/resourceVersion", value: found.metadata?.resourceVersion },
    ],
    contentType: "application/json-patch+json",
    query: { fieldManager: FIELD_MANAGER },
    signal,
  });
}

/** How long to wait before an object is set again: a program that changes it each time is answered ever more slowly. */
export class ReapplyBackoff {
  readonly #mended = new Map<string, { readonly atMs: number; readonly times: number }>();

  /** Milliseconds from now on; it counts as mended then. */
  next(name: string, nowMs: number): number {
    const { atMs, times } = this.#mended.get(name) ?? { atMs: 0, times: 0 };
    if (nowMs - atMs > PEACE_MS) {
      this.#mended.set(name, { atMs: nowMs, times: 1 });
      return 0;
    }
    const waitMs = Math.min(PAUSE_MOST_MS, PAUSE_FIRST_MS * 2 ** (times - 1));
    this.#mended.set(name, { atMs: nowMs + waitMs, times: times + 1 });
    return waitMs;
  }
}
