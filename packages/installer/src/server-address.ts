import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { type KubernetesApi, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import type { V1Pod, V1Service } from "@kubernetes/client-node";
import { Agent, fetch } from "undici";
import { podToWatch } from "./diagnose.ts";
import { type Part, partSelector, SERVER } from "./labels.ts";
import type { Exposure } from "./settings.ts";
import type { WaitOptions } from "./wait-options.ts";

const STEP_MS = 300;
const PROBE_MS = 2_000;
/** Time for all nodes to learn about a new Service. */
const SERVICE_MS = 3_000;

/** Address of the server. */
export interface ServerAddress {
  readonly url: string;
  /** True if the server answers there from this machine, false if it only answers in the cluster. */
  readonly reachable: boolean;
}

/**
 * Waits until a ready server has an address and answers there.
 *
 * @param part the pods that accept clients
 * @throws SERVER_NOT_READY
 */
export async function findAddress(
  api: KubernetesApi,
  expose: Exposure,
  part: Part,
  { namespace, signal, timeoutMs, secure = false, routeUrl, onProgress }: WaitOptions,
  deadline: number,
): Promise<ServerAddress> {
  onProgress?.("the server is ready, checking its address");
  let foundAt: number | undefined;
  for (;;) {
    const service = await api.get<V1Service & KubernetesObject>("Service", namespace, SERVER.service, signal);
    const pods = await api.list<V1Pod & KubernetesObject>("Pod", namespace, partSelector(namespace, part), signal);
    const url = service && (routeUrl ?? urlOf(expose, service, podToWatch(pods), secure));
    if (url) {
      foundAt ??= performance.now();
      if (await answersAt(url, signal)) return { url, reachable: true };
      if (performance.now() - foundAt > SERVICE_MS && (await answersInCluster(api, namespace, secure, signal)))
        return { url, reachable: false };
    }
    if (performance.now() > deadline) throw addressError(expose, url, namespace, timeoutMs);
    if (!url) onProgress?.("the server is ready, waiting for an address from the cluster");
    await delay(STEP_MS, undefined, { signal });
  }
}

/** Returns the server's URL for an exposure; `undefined` while it has no address. */
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
  const [ingress] = status?.loadBalancer?.ingress ?? [];
  const host = ingress?.ip ?? ingress?.hostname;
  return host ? url(host, SERVER.port) : undefined;
}

/**
 * Returns true if a ready faas server answers at a URL. Seen from this machine, the address may belong to another server: the response must be that of
 * faas, and the connection is not reused.
 */
async function answersAt(url: string, signal?: AbortSignal): Promise<boolean> {
  const timeout = AbortSignal.timeout(PROBE_MS);
  try {
    const response = await fetch(`${url}/-/readyz`, {
      headers: { connection: "close" },
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      // The request contains no credentials, and the certificate is for a name, not for this address.
      dispatcher: new Agent({ keepAliveTimeout: 1, connect: { rejectUnauthorized: false } }),
    });
    return response.ok && ((await response.json()) as { status?: string }).status === "ready";
  } catch {
    return false;
  }
}

/** Returns true if the server answers through the API server. */
function answersInCluster(
  api: KubernetesApi,
  namespace: string,
  secure: boolean,
  signal?: AbortSignal,
): Promise<boolean> {
  const path = `${pathOf("Service", namespace, `${secure ? "https:" : ""}${SERVER.service}:http`)}/proxy/-/readyz`;
  return api.call("GET", path, { signal }).then(
    () => true,
    () => false,
  );
}

function addressError(expose: Exposure, url: string | undefined, namespace: string, timeoutMs: number): FaasError {
  const within = `within ${timeoutMs / 1000} s`;
  const missing = expose === "loadbalancer" ? "address from a load balancer" : "address";
  const detail = url
    ? `The server's pod is ready, but its Service did not answer at ${url} ${within}`
    : `The server runs, but its Service ${namespace}/${SERVER.service} got no ${missing} ${within}. The cluster may have no provider for these: use --expose nodeport or hostport`;
  return new FaasError("SERVER_NOT_READY", detail);
}
