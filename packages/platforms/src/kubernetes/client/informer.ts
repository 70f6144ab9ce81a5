import { setTimeout as delay } from "node:timers/promises";
import { linesOf } from "../../common/stream-lines.ts";
import { ClusterError, type Kind, type KubernetesApi, type KubernetesObject, pathOf } from "./api-client.ts";

/** The server ends a watch after this, and we begin the next one where it ended. */
const WATCH_SECONDS = 240;
/** Bookmarks come about every minute: a watch that is silent for longer is dead, whatever the connection says. */
const SILENCE_MS = 90_000;
const PAGE = 500;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_MOST_MS = 5_000;

export interface WatchHandler<T> {
  /** All that is there: what is not among them is gone. */
  listed(objects: readonly T[]): void;
  changed(object: T): void;
  deleted(object: T): void;
  /** The list is no longer followed; it will be tried again. Told once for each trouble. */
  broken?(error: unknown): void;
  /** It is followed again. */
  mended?(): void;
}

interface Event<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T & { readonly code?: number; readonly message?: string };
}

/**
 * Follows all objects of a kind with a label, for ever: list, watch from there, resume where a watch ended, list again when the server has
 * forgotten that place (410 Gone), and try again with a backoff while it is away (Kubernetes API concepts, "Efficient detection of changes").
 */
export async function followObjects<T extends KubernetesObject>(
  api: KubernetesApi,
  kind: Kind,
  labelSelector: string,
  handler: WatchHandler<T>,
  signal: AbortSignal,
  silenceMs = SILENCE_MS,
): Promise<void> {
  let version: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      version ??= await list(api, kind, labelSelector, handler, signal);
      const onOpen = () => {
        if (failures > 0) handler.mended?.();
        failures = 0;
      };
      version = await watch(api, kind, labelSelector, version, handler, onOpen, signal, silenceMs);
    } catch (error) {
      if (signal.aborted) return;
      // 410: the server no longer has the changes since then.
      if (error instanceof ClusterError && error.httpStatus === 410) {
        version = undefined;
        continue;
      }
      if (error instanceof WatchBroken) version = error.version;
      if (failures++ === 0) handler.broken?.(error instanceof WatchBroken ? error.cause : error);
      const wait = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1));
      await delay(wait, undefined, { signal }).catch(() => {});
    }
  }
}

/** Tells the handler all there is; gives the version of that list. */
async function list<T extends KubernetesObject>(
  api: KubernetesApi,
  kind: Kind,
  labelSelector: string,
  handler: WatchHandler<T>,
  signal: AbortSignal,
): Promise<string> {
  interface Page {
    readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
    readonly items: T[];
  }
  const all: T[] = [];
  let next: string | undefined;
  for (;;) {
    const query = { labelSelector, limit: String(PAGE), ...(next ? { continue: next } : {}) };
    const page = await api.call<Page>("GET", pathOf(kind, undefined), { query, signal });
    all.push(...page.items);
    next = page.metadata.continue;
    if (!next) {
      handler.listed(all);
      return page.metadata.resourceVersion;
    }
  }
}

/** A watch that broke in the middle; it can be resumed at `version`. */
class WatchBroken extends Error {
  readonly version: string;

  constructor(version: string, cause: unknown) {
    super("the watch broke", { cause });
    this.version = version;
  }
}

/** Follows changes until the server ends the watch; gives where to go on. */
async function watch<T extends KubernetesObject>(
  api: KubernetesApi,
  kind: Kind,
  labelSelector: string,
  from: string,
  handler: WatchHandler<T>,
  onOpen: () => void,
  signal: AbortSignal,
  silenceMs: number,
): Promise<string> {
  let version = from;
  const query = {
    watch: "true",
    allowWatchBookmarks: "true",
    labelSelector,
    resourceVersion: from,
    timeoutSeconds: String(WATCH_SECONDS),
  };
  const body = await api.stream(pathOf(kind, undefined), query, silenceMs, signal);
  onOpen();
  try {
    for await (const line of linesOf(body, false)) {
      const { type, object } = JSON.parse(line) as Event<T>;
      if (type === "ERROR") {
        const { code = 500, message = "" } = object;
        throw new ClusterError("CLUSTER_REFUSED", `The watch of ${kind} ended: ${message}`, code, "");
      }
      version = object.metadata?.resourceVersion ?? version;
      if (type === "DELETED") handler.deleted(object);
      else if (type !== "BOOKMARK") handler.changed(object);
    }
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    throw new WatchBroken(version, api.failure(error, signal));
  }
  return version;
}
