import { setTimeout as delay } from "node:timers/promises";
import type { EndpointLog, LogLine } from "@faas/core";
import { linesOf } from "../../common/lines.ts";
import { parseOutput } from "../../common/output-tags.ts";
import type { KubernetesApi } from "../client/api-client.ts";
import { ClusterError, isNotFound } from "../client/cluster-error.ts";
import { pathOf } from "../client/objects.ts";
import { CONTAINER } from "../reconcile/manifests/labels.ts";
import { LogPosition } from "./log-position.ts";
import type { PodFacts } from "./pod-facts.ts";

const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 5_000;
/** Time for the watch to report the end of a container after the end of its log. */
const CONTAINER_END_MS = 2_000;
const CONTAINER_END_STEP_MS = 50;
const LAST_LINES = 20;
const LAST_LINES_MS = 2_000;

/**
 * State of a container: `replaced` if its pod runs the next one, so that its log is the `previous` one; `lost` if its pod runs a later one still, so
 * that its log is gone.
 */
export type ContainerState = "running" | "ended" | "replaced" | "lost";

/**
 * Copies the log of a pod's container to the endpoint's store, from its start to its end, because the log is deleted with the pod. Resumes where it
 * stopped, after an interruption and after a restart of the server.
 */
export async function copyLog(
  api: KubernetesApi,
  facts: PodFacts,
  store: EndpointLog,
  state: () => ContainerState,
  signal: AbortSignal,
): Promise<void> {
  const { replica, revision } = facts;
  const position = await LogPosition.find(store, replica);
  const path = `${pathOf("Pod", facts.namespace, facts.pod)}/log`;
  let retryMs = MIN_RETRY_MS;
  while (!signal.aborted) {
    // Read before the log is opened: if the container has ended by now, so does the log.
    const before = state();
    if (before === "lost") return;
    const mode: Readonly<Record<string, string>> = before === "replaced" ? { previous: "true" } : { follow: "true" };
    const query = { container: CONTAINER, timestamps: "true", ...mode, ...position.query };
    try {
      const body = await api.stream(path, query, 0, signal);
      for await (const line of logLines(body)) {
        retryMs = MIN_RETRY_MS;
        const time = position.advance(line.time);
        if (time !== undefined) await store.append({ time, replica, revision, ...storedLine(line.text) });
      }
      if (before !== "running") return;
      // The container has probably ended. If the log were opened again before that is known, it might be the next container's.
      for (let waited = 0; state() === "running" && waited < CONTAINER_END_MS; waited += CONTAINER_END_STEP_MS) {
        await delay(CONTAINER_END_STEP_MS, undefined, { signal });
      }
      if (state() === "ended") return;
      continue;
    } catch (error) {
      if (isNotFound(error)) return;
      if (before !== "running" && error instanceof ClusterError && !error.isTransient) return;
    }
    await delay(retryMs, undefined, { signal }).catch(() => {});
    retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
  }
}

/** Reads the last log lines of a replica; returns an empty list if they are not available soon. */
export async function lastLines(api: KubernetesApi, facts: PodFacts, previous: boolean): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(LAST_LINES_MS);
  const lines = await readTail(api, facts, previous, signal);
  // The container may have been restarted in the meantime: its log is then the previous one.
  return lines.length > 0 || previous || facts.restarts > 0 ? lines : readTail(api, facts, true, signal);
}

async function readTail(
  api: KubernetesApi,
  { namespace, pod }: PodFacts,
  previous: boolean,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const query = { container: CONTAINER, tailLines: String(LAST_LINES), ...(previous ? { previous: "true" } : {}) };
  try {
    const body = await api.stream(`${pathOf("Pod", namespace, pod)}/log`, query, LAST_LINES_MS, signal);
    const lines = (await body.text()).split("\n").map((line) => parseOutput(line).text);
    return lines.filter((line) => line !== "");
  } catch {
    return [];
  }
}

/** Separates a line from its tag. Kubernetes does not tell the streams apart: a line without a tag counts as one of stdout. */
function storedLine(line: string): Pick<LogLine, "stream" | "line" | "requestId"> {
  const { text, stream = "stdout", requestId } = parseOutput(line);
  return { stream, line: text, ...(requestId === undefined ? {} : { requestId }) };
}

/** Splits a log with `timestamps` into lines and their times. */
async function* logLines(body: AsyncIterable<Buffer>): AsyncGenerator<{ time: string; text: string }> {
  for await (const line of linesOf(body, true)) {
    const space = line.indexOf(" ");
    yield { time: line.slice(0, space), text: line.slice(space + 1) };
  }
}
