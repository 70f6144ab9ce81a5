import type { Readable } from "node:stream";
import { type ErrorCode, FaasError } from "@faas/core";
import { request } from "undici";
import type { KubernetesCredentials } from "./kubeconfig.ts";

/** Owner of the fields that the server sets by server-side apply. */
export const FIELD_MANAGER = "faas";
const TIMEOUT_MS = 30_000;
/**
 * Timeouts of the attempts at an idempotent request, until its response starts. A connection may be dead without being closed: an attempt that times
 * out closes it, and the next one gets another connection. Later attempts have more time, for a slow server.
 */
const ATTEMPT_TIMEOUTS_MS = [3_000, 8_000, 19_000];
/** Error codes of an attempt on a connection that is dead, or was just closed. */
const DEAD_CONNECTION = /^(UND_ERR_HEADERS_TIMEOUT|UND_ERR_SOCKET|ECONNRESET|EPIPE)$/;
/** Timeout until the response of a watch or a log starts. */
const STREAM_START_MS = 10_000;

/** The parts of an object that every kind has. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string | Date;
    readonly deletionTimestamp?: string | Date;
    readonly managedFields?: readonly ManagedFields[];
  };
}

/** Kubernetes' FieldsV1: a tree whose keys are `f:name` for a field, `k:{"name":"x"}` for an item of a list, and `.` for the node itself. */
export interface Fields {
  readonly [key: string]: Fields;
}

/** The fields that one manager owns (Kubernetes API, `ManagedFieldsEntry`). */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly time?: string | Date;
  readonly fieldsType?: string;
  /** `status`, `scale` …; absent for the object itself. */
  readonly subresource?: string;
  readonly fieldsV1?: Fields;
}

/** Location of an object kind in the API, such as `/api/v1/…/pods`. */
export interface Resource {
  /** `api/v1`, `apis/apps/v1` … */
  readonly group: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export const resources = {
  Namespace: { group: "api/v1", plural: "namespaces", namespaced: false },
  Pod: { group: "api/v1", plural: "pods", namespaced: true },
  Service: { group: "api/v1", plural: "services", namespaced: true },
  ServiceAccount: { group: "api/v1", plural: "serviceaccounts", namespaced: true },
  Secret: { group: "api/v1", plural: "secrets", namespaced: true },
  PersistentVolumeClaim: { group: "api/v1", plural: "persistentvolumeclaims", namespaced: true },
  ResourceQuota: { group: "api/v1", plural: "resourcequotas", namespaced: true },
  LimitRange: { group: "api/v1", plural: "limitranges", namespaced: true },
  Deployment: { group: "apis/apps/v1", plural: "deployments", namespaced: true },
  HorizontalPodAutoscaler: { group: "apis/autoscaling/v2", plural: "horizontalpodautoscalers", namespaced: true },
  NetworkPolicy: { group: "apis/networking.k8s.io/v1", plural: "networkpolicies", namespaced: true },
  ClusterRole: { group: "apis/rbac.authorization.k8s.io/v1", plural: "clusterroles", namespaced: false },
  ClusterRoleBinding: { group: "apis/rbac.authorization.k8s.io/v1", plural: "clusterrolebindings", namespaced: false },
} as const satisfies Record<string, Resource>;
export type Kind = keyof typeof resources;

export interface CallOptions {
  readonly body?: unknown;
  /**
   * Media type of the body.
   *
   * @defaultValue application/json
   */
  readonly contentType?: string;
  /**
   * Media type of the response.
   *
   * @defaultValue application/json
   */
  readonly accept?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** A request that the API server rejected, or did not respond to. */
export class ClusterError extends FaasError {
  /** HTTP status; 0 if there was no response. */
  readonly httpStatus: number;
  /** Kubernetes' reason: `AlreadyExists`, `Forbidden` … */
  readonly reason: string;

  constructor(code: ErrorCode, detail: string, httpStatus: number, reason: string, cause?: unknown) {
    super(code, detail, { cause });
    this.httpStatus = httpStatus;
    this.reason = reason;
  }

  /** True if the namespace of the object is missing. */
  get lacksNamespace(): boolean {
    return this.httpStatus === 404 && /namespaces "[^"]*" not found/.test(this.message);
  }

  /** True if the same request may succeed later without any repair. */
  get isTransient(): boolean {
    return (
      this.httpStatus === 0 ||
      this.httpStatus === 429 ||
      this.httpStatus >= 500 ||
      this.code === "NAMESPACE_TERMINATING" ||
      // Concurrent writes.
      this.reason === "Conflict"
    );
  }
}

/**
 * Client of the Kubernetes API. Requests reject with a `ClusterError`.
 *
 * @throws CLUSTER_UNREACHABLE
 * @throws CLUSTER_FORBIDDEN with the verb and the resource
 * @throws NAMESPACE_TERMINATING
 * @throws CLUSTER_REFUSED
 */
export class KubernetesApi {
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
  async delete(kind: Kind, namespace: string | undefined, name: string, signal?: AbortSignal): Promise<void> {
    await notFoundAsUndefined(
      this.call("DELETE", pathOf(kind, namespace, name), { body: { propagationPolicy: "Background" }, signal }),
    );
  }

  /** Sends a request and returns the parsed response. Retries a request without a response, except `POST`: all others are idempotent. */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    // `AbortSignal.timeout` would retain its listeners for the whole time, after a call that took milliseconds.
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(new DOMException("no response", "TimeoutError")), TIMEOUT_MS).unref();
    const signal = options.signal ? AbortSignal.any([options.signal, timeout.signal]) : timeout.signal;
    const timeouts = method === "POST" ? [TIMEOUT_MS] : ATTEMPT_TIMEOUTS_MS;
    try {
      for (let attempt = 0; ; attempt++) {
        const limits = { headersMs: timeouts[attempt] as number };
        try {
          const body = await this.#send(method, path, { ...options, signal }, options.signal, limits);
          return JSON.parse(await body.text()) as T;
        } catch (error) {
          const failure = this.failure(error, options.signal);
          if (attempt === timeouts.length - 1 || timeout.signal.aborted || !isDeadConnection(failure)) throw failure;
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Opens a streamed response: a watch or a log.
   *
   * @param silenceMs time without data after which the stream fails
   */
  stream(path: string, query: Readonly<Record<string, string>>, silenceMs: number, signal: AbortSignal) {
    return this.#send("GET", path, { query, signal }, signal, { headersMs: STREAM_START_MS, bodyMs: silenceMs });
  }

  async #send(
    method: string,
    path: string,
    options: CallOptions,
    callerSignal: AbortSignal | undefined,
    limits: { readonly headersMs: number; readonly bodyMs?: number },
    retry = true,
  ): Promise<Readable & { text(): Promise<string> }> {
    const { headers, dispatcher } = await this.#credentials.requestAuth();
    const url = new URL(`${this.#credentials.server}${path}`);
    for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, value);
    try {
      const { statusCode, body } = await request(url, {
        method: method as "GET",
        dispatcher,
        headers: { ...headers, accept: options.accept ?? "application/json", ...contentType(options) },
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
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

  /** Converts the error of a request or of its stream into a `ClusterError`, or into the abort reason of the caller's signal. */
  failure(error: unknown, callerSignal: AbortSignal | undefined): unknown {
    if (callerSignal?.aborted) return callerSignal.reason;
    if (error instanceof FaasError) return error;
    const { code, message, name } = error as NodeJS.ErrnoException;
    const cause = name === "TimeoutError" ? `no response within ${TIMEOUT_MS / 1000} s` : (code ?? message);
    const detail = `The Kubernetes API server at ${this.url} does not answer (${cause}); see "kubectl cluster-info"`;
    return new ClusterError("CLUSTER_UNREACHABLE", detail, 0, "", error);
  }
}

/** Path of a kind in a namespace, or of one object of it. */
export function pathOf(kind: Kind, namespace: string | undefined, name?: string): string {
  const { group, plural, namespaced } = resources[kind];
  const within = namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
  return `/${group}${within}/${plural}${name === undefined ? "" : `/${name}`}`;
}

function locationOf(object: KubernetesObject): { kind: Kind; namespace: string | undefined; name: string } {
  return { kind: object.kind as Kind, namespace: object.metadata?.namespace, name: object.metadata?.name as string };
}

const isDeadConnection = (error: unknown) =>
  error instanceof ClusterError &&
  error.httpStatus === 0 &&
  DEAD_CONNECTION.test((error.cause as NodeJS.ErrnoException | undefined)?.code ?? "");

const contentType = ({ body, contentType = "application/json" }: CallOptions) =>
  body === undefined ? {} : { "content-type": contentType };

/** Converts the `Status` object of a rejected request (Kubernetes API conventions, "Response Status Kind") into an error. */
function rejection(httpStatus: number, text: string, request: string): ClusterError {
  const { message = text.slice(0, 300), reason = "", details } = parseStatus(text);
  const terminating =
    details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") ?? /is being terminated/.test(message);
  if (terminating) return new ClusterError("NAMESPACE_TERMINATING", message, httpStatus, reason);
  if (httpStatus === 401 || (httpStatus === 403 && /cannot \w+ resource/.test(message))) {
    const advice = 'run "faas doctor" to see the missing permissions';
    return new ClusterError(
      "CLUSTER_FORBIDDEN",
      `The cluster denies access: ${message || request}; ${advice}`,
      httpStatus,
      reason,
    );
  }
  return new ClusterError("CLUSTER_REFUSED", `The cluster rejected ${request}: ${message}`, httpStatus, reason);
}

interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string }[] };
}

function parseStatus(text: string): Status {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

async function notFoundAsUndefined<T>(response: Promise<T>): Promise<T | undefined> {
  return response.catch((error) => {
    if (error instanceof ClusterError && error.httpStatus === 404) return undefined;
    throw error;
  });
}
