import { setTimeout as delay } from "node:timers/promises";
import type { EndpointLog } from "@faas/core";
import { linesOf } from "../../common/stream-lines.ts";
import { ClusterError, type KubernetesApi, pathOf } from "../client/api-client.ts";
import { CONTAINER } from "../reconcile/manifests.ts";
import type { PodFacts } from "./pod-facts.ts";

const RETRY_MS = 250;
const RETRY_MOST_MS = 5_000;
/** The end of a log is seen before the end of its container is told. */
const END_KNOWN_MS = 2_000;
const END_STEP_MS = 50;
const LAST_LINES = 20;
const LAST_LINES_MS = 2_000;

/** Of a container: `replaced` when its pod has the next one, whose `previous` it is; `lost` when its pod has yet another. */
export type ContainerState = "running" | "ended" | "replaced" | "lost";

/**
 * Copies what a pod's container prints to the endpoint's store, from its start to its end: a pod's own log goes with the pod. Resumes
 * after a break, and after a restart of the server, where it was.
 */
export async function copyLog(
  api: KubernetesApi,
  facts: PodFacts,
  store: EndpointLog,
  state: () => ContainerState,
  signal: AbortSignal,
): Promise<void> {
  const place = await Place.of(store, facts.replica);
  const path = `${pathOf("Pod", facts.namespace, facts.pod)}/log`;
  let wait = RETRY_MS;
  while (!signal.aborted) {
    // Before the log is opened: what comes after that is its end, too.
    const before = state();
    if (before === "lost") return;
    const which: Readonly<Record<string, string>> = before === "replaced" ? { previous: "true" } : { follow: "true" };
    const query = { container: CONTAINER, timestamps: "true", ...which, ...place.query };
    try {
      const body = await api.stream(path, query, 0, signal);
      for await (const line of logLines(body)) {
        wait = RETRY_MS;
        const at = place.take(line.time);
        if (at === undefined) continue;
        await store.append({
          time: at,
          replica: facts.replica,
          revision: facts.revision,
          stream: "stdout",
          line: line.text,
        });
      }
      if (before !== "running") return;
      // It ended with its container, in all likelihood. Opened again before that is known, it might be the next container's.
      for (let waited = 0; state() === "running" && waited < END_KNOWN_MS; waited += END_STEP_MS) {
        await delay(END_STEP_MS, undefined, { signal });
      }
      if (state() === "ended") return;
      continue;
    } catch (error) {
      if (error instanceof ClusterError && error.httpStatus === 404) return;
      if (before !== "running" && error instanceof ClusterError && !error.isTransient) return;
    }
    await delay(wait, undefined, { signal }).catch(() => {});
    wait = Math.min(RETRY_MOST_MS, wait * 2);
  }
}

/** The last lines that a replica printed; none when they cannot be had soon. */
export async function lastLines(api: KubernetesApi, facts: PodFacts, previous: boolean): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(LAST_LINES_MS);
  const lines = await tail(api, facts, previous, signal);
  // The first container that ended may have been followed by another meanwhile: then it is the one before.
  return lines.length > 0 || previous || facts.restarts > 0 ? lines : tail(api, facts, true, signal);
}

async function tail(
  api: KubernetesApi,
  { namespace, pod }: PodFacts,
  previous: boolean,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const query = { container: CONTAINER, tailLines: String(LAST_LINES), ...(previous ? { previous: "true" } : {}) };
  try {
    const body = await api.stream(`${pathOf("Pod", namespace, pod)}/log`, query, LAST_LINES_MS, signal);
    return (await body.text()).split("\n").filter((line) => line !== "");
  } catch {
    return [];
  }
}

/** How far a log was copied. */
class Place {
  /** As Kubernetes writes it, with nanoseconds; of the last line copied by this process. */
  #last: string | undefined;
  /** Of the last line that a former process copied, in milliseconds, and how many lines have that time. */
  readonly #storedMs: number;
  #storedAtLast: number;

  private constructor(storedMs: number, storedAtLast: number) {
    this.#storedMs = storedMs;
    this.#storedAtLast = storedAtLast;
  }

  static async of(store: EndpointLog, replica: string): Promise<Place> {
    let storedMs = 0;
    let count = 0;
    for await (const { time } of store.read({ replica })) {
      const ms = Date.parse(time);
      count = ms === storedMs ? count + 1 : 1;
      storedMs = ms;
    }
    return new Place(storedMs, count);
  }

  /** `sinceTime` has whole seconds only. */
  get query(): Readonly<Record<string, string>> {
    const since = this.#last ?? (this.#storedMs > 0 ? new Date(this.#storedMs).toISOString() : undefined);
    return since === undefined ? {} : { sinceTime: `${since.slice(0, 19)}Z` };
  }

  /** The line's time as the store has it; undefined when the line was copied before. */
  take(time: string): string | undefined {
    if (this.#last !== undefined && time <= this.#last) return undefined;
    const ms = Date.parse(time);
    if (ms < this.#storedMs) return undefined;
    if (ms === this.#storedMs && this.#storedAtLast > 0) {
      this.#storedAtLast--;
      return undefined;
    }
    this.#last = time;
    return new Date(ms).toISOString();
  }
}

/** Lines with their time in front, as the log is asked for with `timestamps`. */
async function* logLines(body: AsyncIterable<Buffer>): AsyncGenerator<{ time: string; text: string }> {
  for await (const line of linesOf(body, true)) {
    const space = line.indexOf(" ");
    yield { time: line.slice(0, space), text: line.slice(space + 1) };
  }
}
