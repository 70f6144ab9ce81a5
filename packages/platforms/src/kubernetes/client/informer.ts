import { setTimeout as delay } from "node:timers/promises";
import { linesOf } from "../../common/lines.ts";
import { ClusterError } from "./cluster-error.ts";
import { type Kind, type KubernetesObject, pathOf } from "./objects.ts";
import type { ClusterRequests } from "./requests.ts";

/** Time after which the API server ends a watch; the next watch resumes from there. */
const WATCH_SECONDS = 240;
/** Silence after which a watch counts as dead, even on an open connection: bookmarks arrive about every minute. */
const SILENCE_MS = 90_000;
const PAGE_SIZE = 500;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/** Callbacks for the objects of a kind. */
export interface WatchHandler<T> {
  /** Handles the complete list: an object that is not in it was deleted. */
  listed(objects: readonly T[]): void;
  changed(object: T): void;
  deleted(object: T): void;
}

/** Returns a handler that passes everything to two others, in their order. */
export function toBoth<T>(first: WatchHandler<T>, second: WatchHandler<T>): WatchHandler<T> {
  return {
    listed(objects) {
      first.listed(objects);
      second.listed(objects);
    },
    changed(object) {
      first.changed(object);
      second.changed(object);
    },
    deleted(object) {
      first.deleted(object);
      second.deleted(object);
    },
  };
}

export interface InformerOptions {
  readonly api: ClusterRequests;
  readonly labelSelector: string;
  readonly signal: AbortSignal;
  /** Reduces each object as soon as it was read, where there may be many. Must keep `metadata.resourceVersion`. */
  readonly compact?: (object: KubernetesObject) => KubernetesObject;
  /**
   * Silence after which a watch is started again.
   *
   * @defaultValue 90 s
   */
  readonly silenceMs?: number | undefined;
  /** Called once per interruption; attempts continue. */
  readonly onInterrupted?: (kind: Kind, error: unknown) => void;
  /** Called when an interrupted watch is resumed. */
  readonly onResumed?: (kind: Kind) => void;
}

/** Runs an informer for each kind. Resolves when each has listed its objects once. */
export async function runInformers<Watched extends Kind>(
  options: InformerOptions,
  handlers: Readonly<Record<Watched, WatchHandler<KubernetesObject>>>,
): Promise<void> {
  const lists = (Object.keys(handlers) as Watched[]).map((kind) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const handler = handlers[kind];
    const listed = (objects: readonly KubernetesObject[]) => {
      handler.listed(objects);
      resolve();
    };
    void runInformer(kind, options, { ...handler, listed });
    return promise;
  });
  await Promise.all(lists);
}

/**
 * Follows all objects of a kind with a label until the signal aborts: lists them, watches from there, resumes an ended watch, lists again when the API
 * server has dropped the changes since (410 Gone), and retries with a backoff while it is unreachable (Kubernetes API concepts, "Efficient detection
 * of changes").
 */
export async function runInformer<T extends KubernetesObject>(
  kind: Kind,
  options: InformerOptions,
  handler: WatchHandler<T>,
): Promise<void> {
  const { signal, onInterrupted, onResumed } = options;
  let version: string | undefined;
  let failures = 0;
  const onOpen = () => {
    if (failures > 0) onResumed?.(kind);
    failures = 0;
  };
  while (!signal.aborted) {
    try {
      version ??= await list(kind, options, handler);
      version = await watch(kind, options, handler, version, onOpen);
    } catch (error) {
      if (signal.aborted) return;
      // 410 Gone: the API server no longer has the changes since that version.
      if (error instanceof ClusterError && error.httpStatus === 410) {
        version = undefined;
        continue;
      }
      if (error instanceof WatchInterrupted) version = error.version;
      if (failures++ === 0) onInterrupted?.(kind, error instanceof WatchInterrupted ? error.cause : error);
      const backoffMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** (failures - 1));
      await delay(backoffMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** Passes all objects to the handler; returns the version of the list. */
async function list<T extends KubernetesObject>(
  kind: Kind,
  { api, labelSelector, signal, compact }: InformerOptions,
  handler: WatchHandler<T>,
): Promise<string> {
  interface Page {
    readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
    readonly items: T[];
  }
  const all: T[] = [];
  let next: string | undefined;
  for (;;) {
    const query = { labelSelector, limit: String(PAGE_SIZE), ...(next ? { continue: next } : {}) };
    const page = await api.call<Page>("GET", pathOf(kind, undefined), { query, signal });
    all.push(...(compact ? (page.items.map(compact) as T[]) : page.items));
    next = page.metadata.continue;
    if (!next) {
      handler.listed(all);
      return page.metadata.resourceVersion;
    }
  }
}

/** A failed watch that can be resumed at `version`. */
class WatchInterrupted extends Error {
  readonly version: string;

  constructor(version: string, cause: unknown) {
    super("the watch was interrupted", { cause });
    this.version = version;
  }
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T & { readonly code?: number; readonly message?: string };
}

/** Passes changes to the handler until the API server ends the watch; returns the version to resume at. */
async function watch<T extends KubernetesObject>(
  kind: Kind,
  { api, labelSelector, signal, compact, silenceMs = SILENCE_MS }: InformerOptions,
  handler: WatchHandler<T>,
  from: string,
  onOpen: () => void,
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
      const { type, object } = JSON.parse(line) as WatchEvent<T>;
      if (type === "ERROR") {
        const { code = 500, message = "" } = object;
        throw new ClusterError("CLUSTER_REFUSED", `The watch of ${kind} failed: ${message}`, code, "");
      }
      version = object.metadata?.resourceVersion ?? version;
      if (type === "BOOKMARK") continue;
      const read = compact ? (compact(object) as T) : object;
      if (type === "DELETED") handler.deleted(read);
      else handler.changed(read);
    }
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    throw new WatchInterrupted(version, api.failure(error, signal));
  }
  return version;
}
