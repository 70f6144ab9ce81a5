import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { type KubernetesApi, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import type { CoreV1Event, V1Deployment, V1PersistentVolumeClaim, V1Pod, V1Service } from "@kubernetes/client-node";
import { Agent, fetch } from "undici";
import {
  isServerReady,
  newestPod,
  type ServerFacts,
  type ServerTrouble,
  serverProgress,
  serverTrouble,
} from "./diagnose.ts";
import { type Exposure, SERVER, serverSelector } from "./manifests.ts";

const STEP_MS = 300;
/** Trouble that is final by its words is believed when it has lasted so long. */
const FINAL_MS = 4_000;
const ASK_MS = 2_000;
const SETTLE_MS = 3_000;
const LAST_LINES = 20;

export interface Waiting {
  readonly namespace: string;
  readonly timeoutMs: number;
  /** It speaks HTTPS. */
  readonly secure?: boolean;
  readonly signal?: AbortSignal;
  /** Told what it waits for. */
  readonly onProgress?: (text: string) => void;
}

/** Where the server answers. */
export interface ServerAddress {
  readonly url: string;
  /** It answered there from this machine; otherwise only inside the cluster. */
  readonly reachable: boolean;
}

/**
 * Waits until the server of an installation answers. Rejects with what keeps it from that: at once when waiting will not mend it, else when
 * the time is over. VOLUME_UNBOUND, IMAGE_PULL_FAILED, UNSCHEDULABLE, POD_REFUSED, CONTAINER_REFUSED, SERVER_NOT_READY.
 */
export async function waitForServer(api: KubernetesApi, expose: Exposure, waiting: Waiting): Promise<ServerAddress> {
  const { signal, timeoutMs, onProgress } = waiting;
  const deadline = performance.now() + timeoutMs;
  let since: { readonly detail: string; readonly ms: number } | undefined;
  for (;;) {
    const facts = await observe(api, waiting);
    if (isServerReady(facts)) break;
    const trouble = serverTrouble(facts);
    const now = performance.now();
    if (trouble?.code !== since?.detail) since = trouble && { detail: trouble.code, ms: now };
    const isOver = now > deadline;
    if (isOver || (trouble?.final && since && now - since.ms > FINAL_MS))
      throw await explain(api, facts, trouble, waiting);
    onProgress?.(trouble?.detail ?? serverProgress(facts));
    await delay(STEP_MS, undefined, { signal });
  }
  return addressOf(api, expose, waiting, deadline);
}

async function observe(api: KubernetesApi, { namespace, signal }: Waiting): Promise<ServerFacts> {
  const [deployment, pods, claim] = await Promise.all([
    api.get<V1Deployment & KubernetesObject>("Deployment", namespace, SERVER.deployment, signal),
    api.list<V1Pod & KubernetesObject>("Pod", namespace, serverSelector(namespace), signal),
    api.get<V1PersistentVolumeClaim & KubernetesObject>("PersistentVolumeClaim", namespace, SERVER.claim, signal),
  ]);
  if (!deployment) throw new FaasError("SERVER_NOT_READY", "Somebody removed the server while it was being installed");
  const pod = newestPod(pods);
  const isStarting = !pod?.status?.containerStatuses?.some(({ state }) => state?.running);
  const names = [SERVER.claim, ...(pod?.metadata?.name ? [pod.metadata.name] : [])];
  const events = isStarting ? await Promise.all(names.map((name) => eventsOf(api, namespace, name, signal))) : [];
  return { deployment, pods, ...(claim ? { claim } : {}), events: events.flat() };
}

/** Oldest first. */
async function eventsOf(api: KubernetesApi, namespace: string, name: string, signal?: AbortSignal) {
  const { items } = await api.call<{ items: CoreV1Event[] }>("GET", `/api/v1/namespaces/${namespace}/events`, {
    query: { fieldSelector: `involvedObject.name=${name}` },
    signal,
  });
  const time = ({ lastTimestamp, eventTime, metadata }: CoreV1Event) =>
    new Date(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? 0).getTime();
  return items.sort((a, b) => time(a) - time(b));
}

async function explain(
  api: KubernetesApi,
  facts: ServerFacts,
  trouble: ServerTrouble | undefined,
  { namespace, timeoutMs, signal }: Waiting,
): Promise<FaasError> {
  const pod = newestPod(facts.pods);
  const isRunning = pod?.status?.containerStatuses?.some(({ state }) => state?.running) ?? false;
  const ran = trouble ? trouble.ran : isRunning ? "this" : undefined;
  const lines = ran && pod ? await lastLines(api, pod, ran === "previous", signal) : [];
  const detail =
    trouble?.detail ??
    `The server did not answer within ${timeoutMs / 1000} s (${serverProgress(facts)}); "kubectl -n ${namespace} describe pod" says more, and --timeout waits longer`;
  return new FaasError(trouble?.code ?? "SERVER_NOT_READY", detail, { extensions: { lastLogLines: lines } });
}

async function lastLines(api: KubernetesApi, pod: V1Pod, previous: boolean, signal?: AbortSignal): Promise<string[]> {
  const path = `${pathOf("Pod", pod.metadata?.namespace, pod.metadata?.name)}/log`;
  const query = { tailLines: String(LAST_LINES), ...(previous ? { previous: "true" } : {}) };
  try {
    const body = await api.stream(path, query, ASK_MS, signal ?? AbortSignal.timeout(ASK_MS));
    return (await body.text()).trimEnd().split("\n");
  } catch {
    return []; // It is only more about a failure that is told anyway.
  }
}

/** Waits for an address where one is given out, and asks there. */
async function addressOf(
  api: KubernetesApi,
  expose: Exposure,
  { namespace, signal, timeoutMs, secure = false, onProgress }: Waiting,
  deadline: number,
): Promise<ServerAddress> {
  onProgress?.("it is ready; asking where it answers");
  let since: number | undefined;
  for (;;) {
    const service = await api.get<V1Service & KubernetesObject>("Service", namespace, SERVER.service, signal);
    const pods = await api.list<V1Pod & KubernetesObject>("Pod", namespace, serverSelector(namespace), signal);
    const url = service && urlOf(expose, service, newestPod(pods), secure);
    if (url) {
      since ??= performance.now();
      if (await answers(url, signal)) return { url, reachable: true };
      // A Service that is new is not known on every node at once. Then it may be one that is reached from inside only.
      if (performance.now() - since > SETTLE_MS && (await answersInside(api, namespace, secure, signal)))
        return { url, reachable: false };
    }
    if (performance.now() > deadline) throw noAddress(expose, url, namespace, timeoutMs);
    if (!url) onProgress?.("it is ready; the cluster gives out no address yet");
    await delay(STEP_MS, undefined, { signal });
  }
}

/** The address that an exposure gives; `undefined` while there is none. */
export function urlOf(
  expose: Exposure,
  { spec, status }: V1Service,
  pod: V1Pod | undefined,
  secure = false,
): string | undefined {
  const url = (host: string, port: number) =>
    `${secure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const [port] = spec?.ports ?? [];
  const node = pod?.status?.hostIP;
  if (expose === "none") return spec?.clusterIP ? url(spec.clusterIP, SERVER.port) : undefined;
  if (expose === "hostport") return node ? url(node, SERVER.port) : undefined;
  if (expose === "nodeport") return node && port?.nodePort ? url(node, port.nodePort) : undefined;
  const [given] = status?.loadBalancer?.ingress ?? [];
  const host = given?.ip ?? given?.hostname;
  return host ? url(host, SERVER.port) : undefined;
}

/**
 * Whether a server of ours is ready there. An address of a cluster may be somebody else's as seen from here, so its words count; and a
 * connection that found the wrong one is not kept.
 */
async function answers(url: string, signal?: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.timeout(ASK_MS);
  try {
    const answer = await fetch(`${url}/-/readyz`, {
      headers: { connection: "close" },
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      // Nothing is told to it, and its certificate is for a name, not for this address.
      dispatcher: new Agent({ keepAliveTimeout: 1, connect: { rejectUnauthorized: false } }),
    });
    return answer.ok && ((await answer.json()) as { status?: string }).status === "ready";
  } catch {
    return false;
  }
}

/** Through the API server. */
function answersInside(api: KubernetesApi, namespace: string, secure: boolean, signal?: AbortSignal): Promise<boolean> {
  const path = `${pathOf("Service", namespace, `${secure ? "https:" : ""}${SERVER.service}:http`)}/proxy/-/readyz`;
  return api.call("GET", path, { signal }).then(
    () => true,
    () => false,
  );
}

function noAddress(expose: Exposure, url: string | undefined, namespace: string, timeoutMs: number): FaasError {
  const within = `within ${timeoutMs / 1000} s`;
  const detail = url
    ? `The server's pod is ready, and its Service does not answer at ${url} ${within}`
    : `The server runs, and its Service ${namespace}/${SERVER.service} got no ${expose === "loadbalancer" ? "address from a load balancer" : "address"} ${within}: does the cluster have what gives them out? --expose nodeport or hostport go without it`;
  return new FaasError("SERVER_NOT_READY", detail);
}
