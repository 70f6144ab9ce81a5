import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { type KubernetesApi, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { GATEWAY_NAME, SERVER_NAME } from "@faas/platforms/kubernetes-manifests";
import type { CoreV1Event, V1Deployment, V1PersistentVolumeClaim, V1Pod } from "@kubernetes/client-node";
import {
  isServerReady,
  podToWatch,
  type ServerFacts,
  type ServerFailure,
  serverFailure,
  serverProgress,
} from "./diagnose.ts";
import { GATEWAY, partSelector, SERVER } from "./labels.ts";
import type { WaitOptions } from "./wait-options.ts";

const STEP_MS = 300;
/** Time for which a final failure must last to be reported, because the cluster may still recover. */
const FINAL_FAILURE_MS = 4_000;
const LOG_MS = 2_000;
const LAST_LINES = 20;

/**
 * Waits until the control server or all gateways of an installation answer. Rejects with the reason if they do not: early if the failure is final,
 * otherwise at the timeout.
 *
 * @throws VOLUME_UNBOUND
 * @throws IMAGE_PULL_FAILED
 * @throws UNSCHEDULABLE
 * @throws POD_REFUSED
 * @throws CONTAINER_REFUSED
 * @throws SERVER_NOT_READY
 */
export async function waitUntilReady(
  api: KubernetesApi,
  part: ServerFacts["part"],
  options: WaitOptions,
  deadline: number,
): Promise<void> {
  const { signal, onProgress } = options;
  let first: { readonly code: string; readonly atMs: number } | undefined;
  for (;;) {
    const facts = await observe(api, part, options);
    if (isServerReady(facts)) return;
    const failure = serverFailure(facts);
    const now = performance.now();
    if (failure?.code !== first?.code) first = failure && { code: failure.code, atMs: now };
    const isConfirmed = failure?.isFinal && first && now - first.atMs > FINAL_FAILURE_MS;
    if (isConfirmed || now > deadline) throw await failureError(api, facts, failure, options);
    onProgress?.(failure?.detail ?? serverProgress(facts));
    await delay(STEP_MS, undefined, { signal });
  }
}

async function observe(
  api: KubernetesApi,
  part: ServerFacts["part"],
  { namespace, signal }: WaitOptions,
): Promise<ServerFacts> {
  const [name, selector] =
    part === "server"
      ? [SERVER.deployment, partSelector(namespace, SERVER_NAME)]
      : [GATEWAY.deployment, partSelector(namespace, GATEWAY_NAME)];
  const [deployment, pods, claim] = await Promise.all([
    api.get<V1Deployment & KubernetesObject>("Deployment", namespace, name, signal),
    api.list<V1Pod & KubernetesObject>("Pod", namespace, selector, signal),
    api.get<V1PersistentVolumeClaim & KubernetesObject>("PersistentVolumeClaim", namespace, SERVER.claim, signal),
  ]);
  if (!deployment) throw new FaasError("SERVER_NOT_READY", `The ${part} was removed while it was being installed`);
  const pod = podToWatch(pods);
  const names = [SERVER.claim, ...(pod?.metadata?.name ? [pod.metadata.name] : [])];
  const events = isRunning(pod) ? [] : await Promise.all(names.map((name) => eventsOf(api, namespace, name, signal)));
  return { part, deployment, pods, ...(claim ? { claim } : {}), events: events.flat() };
}

const isRunning = (pod: V1Pod | undefined): boolean =>
  pod?.status?.containerStatuses?.some(({ state }) => state?.running) ?? false;

/** Lists the events of an object, oldest first. */
async function eventsOf(api: KubernetesApi, namespace: string, name: string, signal?: AbortSignal) {
  const { items } = await api.call<{ items: CoreV1Event[] }>("GET", `/api/v1/namespaces/${namespace}/events`, {
    query: { fieldSelector: `involvedObject.name=${name}` },
    signal,
  });
  const time = ({ lastTimestamp, eventTime, metadata }: CoreV1Event) =>
    new Date(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? 0).getTime();
  return items.sort((a, b) => time(a) - time(b));
}

async function failureError(
  api: KubernetesApi,
  facts: ServerFacts,
  failure: ServerFailure | undefined,
  { namespace, timeoutMs, signal }: WaitOptions,
): Promise<FaasError> {
  const pod = podToWatch(facts.pods);
  const logs = failure ? failure.logs : isRunning(pod) ? "current" : undefined;
  const lines = logs && pod ? await lastLines(api, pod, logs === "previous", signal) : [];
  const detail =
    failure?.detail ??
    `The ${facts.part} did not answer within ${timeoutMs / 1000} s (${serverProgress(facts)}). See "kubectl -n ${namespace} describe pod", or wait longer with --timeout`;
  return new FaasError(failure?.code ?? "SERVER_NOT_READY", detail, { extensions: { lastLogLines: lines } });
}

async function lastLines(api: KubernetesApi, pod: V1Pod, previous: boolean, signal?: AbortSignal): Promise<string[]> {
  const path = `${pathOf("Pod", pod.metadata?.namespace, pod.metadata?.name)}/log`;
  const query = { tailLines: String(LAST_LINES), ...(previous ? { previous: "true" } : {}) };
  try {
    const body = await api.stream(path, query, LOG_MS, signal ?? AbortSignal.timeout(LOG_MS));
    return (await body.text()).trimEnd().split("\n");
  } catch {
    return []; // The failure is reported without log lines.
  }
}
