import type { Readable } from "node:stream";
import { request } from "undici";
import { isNotFound, rejection } from "./cluster-error.ts";
import type { KubernetesCredentials } from "./kubeconfig.ts";
import { type Kind, type KubernetesObject, pathOf } from "./objects.ts";
import {
  type AttemptLimits,
  type CallOptions,
  type ClusterRequests,
  callWithRetries,
  encodedBody,
  requestFailure,
  STREAM_START_MS,
  TIMEOUT_MS,
} from "./requests.ts";

/** Owner of the fields that the server sets by server-side apply. */
export const FIELD_MANAGER = "faas";

/**
 * Client of the Kubernetes API. Requests reject with a `ClusterError`.
 *
 * @throws CLUSTER_UNREACHABLE
 * @throws CLUSTER_FORBIDDEN with the verb and the resource
 * @throws NAMESPACE_TERMINATING
 * @throws CLUSTER_REFUSED
 */
export class KubernetesApi implements ClusterRequests {
  readonly #credentials: KubernetesCredentials;

  constructor(credentials: KubernetesCredentials) {
    this.#credentials = credentials;
  }

  /** URL of the API server. */
  get url(): string {
    return this.#credentials.server;
  }

  /** Reads an object; `undefined` if it does not exist. */
  async get<T extends KubernetesObject>(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    return notFoundAsUndefined(this.call<T>("GET", pathOf(kind, namespace, name), { signal }));
  }

  async list<T extends KubernetesObject>(
    kind: Kind,
    namespace: string | undefined,
    labelSelector: string,
    signal?: AbortSignal,
  ): Promise<readonly T[]> {
    const { items } = await this.call<{ items: T[] }>("GET", pathOf(kind, namespace), {
      query: { labelSelector },
      signal,
    });
    return items;
  }

  create<T extends KubernetesObject>(object: T, signal?: AbortSignal): Promise<T> {
    const { kind, namespace } = locationOf(object);
    return this.call("POST", pathOf(kind, namespace), {
      body: object,
      query: { fieldManager: FIELD_MANAGER },
      signal,
    });
  }

  /** Applies an object by server-side apply: creates it, or sets the fields in `object` and leaves its other fields alone. */
  apply<T extends KubernetesObject>(object: T, signal?: AbortSignal, accept?: string): Promise<T> {
    const { kind, namespace, name } = locationOf(object);
    return this.call("PATCH", pathOf(kind, namespace, name), {
      body: object,
      contentType: "application/apply-patch+yaml",
      query: { fieldManager: FIELD_MANAGER, force: "true" },
      signal,
      ...(accept === undefined ? {} : { accept }),
    });
  }

  /** Deletes an object; succeeds if it does not exist. Resolves when the API server has accepted the deletion: dependents are deleted in the background. */
  async delete(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    signal?: AbortSignal,
    graceSeconds?: number,
  ): Promise<void> {
    const grace = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
    const body = { propagationPolicy: "Background", ...grace };
    await notFoundAsUndefined(this.call("DELETE", pathOf(kind, namespace, name), { body, signal }));
  }

  call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const send = async (signal: AbortSignal, limits: AttemptLimits) =>
      (await this.#send(method, path, { ...options, signal }, options.signal, limits)).text();
    return callWithRetries(method, options.signal, send, (error, signal) => this.failure(error, signal));
  }

  stream(path: string, query: Readonly<Record<string, string>>, silenceMs: number, signal: AbortSignal) {
    return this.#send("GET", path, { query, signal }, signal, { headersMs: STREAM_START_MS, bodyMs: silenceMs });
  }

  async #send(
    method: string,
    path: string,
    options: CallOptions,
    callerSignal: AbortSignal | undefined,
    limits: AttemptLimits,
    retry = true,
  ): Promise<Readable & { text(): Promise<string> }> {
    const { headers, dispatcher } = await this.#credentials.requestAuth();
    const url = new URL(`${this.#credentials.server}${path}`);
    for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, value);
    const sent = encodedBody(options);
    try {
      const { statusCode, body } = await request(url, {
        method: method as "GET",
        dispatcher,
        headers: { ...headers, accept: options.accept ?? "application/json", ...sent.headers },
        ...(sent.text === undefined ? {} : { body: sent.text }),
        ...(options.signal ? { signal: options.signal } : {}),
        headersTimeout: limits.headersMs,
        bodyTimeout: limits.bodyMs ?? TIMEOUT_MS,
      });
      if (statusCode < 300) return body;
      const text = await body.text();
      if (statusCode === 401 && retry) {
        this.#credentials.invalidate();
        return await this.#send(method, path, options, callerSignal, limits, false);
      }
      throw rejection(statusCode, text, `${method} ${path}`);
    } catch (error) {
      throw this.failure(error, callerSignal);
    }
  }

  failure(error: unknown, callerSignal: AbortSignal | undefined): unknown {
    return requestFailure(this.url, error, callerSignal);
  }
}

function locationOf(object: KubernetesObject): { kind: Kind; namespace: string | undefined; name: string } {
  return { kind: object.kind as Kind, namespace: object.metadata?.namespace, name: object.metadata?.name as string };
}

async function notFoundAsUndefined<T>(response: Promise<T>): Promise<T | undefined> {
  return response.catch((error) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}
