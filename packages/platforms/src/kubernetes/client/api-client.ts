import type { Readable } from "node:stream";
import { type ErrorCode, FaasError } from "@faas/core";
import { request } from "undici";
import type { KubernetesCredentials } from "./kubeconfig.ts";

/** Server-side apply: who owns the fields that we set. */
export const FIELD_MANAGER = "faas";
const TIMEOUT_MS = 30_000;
/**
 * Until an attempt is answered, of a request that can be sent twice. The connection may be dead without a word: an attempt that hears nothing has
 * it tried, and the one after that has another connection. Later ones have more time, for a server that is slow.
 */
const ATTEMPTS_MS = [3_000, 8_000, 19_000];
/** What becomes of an attempt on a connection that is dead, or was closed just then. */
const DEAD = /^(UND_ERR_HEADERS_TIMEOUT|UND_ERR_SOCKET|ECONNRESET|EPIPE)$/;
/** Until a watch, or a log, begins to be answered. */
const OPENING_MS = 10_000;

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

/** FieldsV1: a tree whose keys are `f:name` for a field, `k:{"name":"x"}` for an item of a list, and `.` for the thing itself. */
export interface Fields {
  readonly [key: string]: Fields;
}

/** Which fields somebody owns (Kubernetes API, `ManagedFieldsEntry`). */
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

/** An object kind's place in the API: `/api/v1/…/pods`, for instance. */
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
  /** Of the body; application/json. */
  readonly contentType?: string;
  /** What to answer with; application/json. */
  readonly accept?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** What the API server answered to a request that it refused, or that it did not answer one. */
export class ClusterError extends FaasError {
  /** 0: there was no answer. */
  readonly httpStatus: number;
  /** Kubernetes' own word: `AlreadyExists`, `Forbidden` … */
  readonly reason: string;

  constructor(code: ErrorCode, detail: string, httpStatus: number, reason: string, cause?: unknown) {
    super(code, detail, { cause });
    this.httpStatus = httpStatus;
    this.reason = reason;
  }

  /** There is no namespace to put the object into. */
  get lacksNamespace(): boolean {
    return this.httpStatus === 404 && /namespaces "[^"]*" not found/.test(this.message);
  }

  /** The same request may succeed later without anybody mending anything. */
  get isTransient(): boolean {
    return (
      this.httpStatus === 0 ||
      this.httpStatus === 429 ||
      this.httpStatus >= 500 ||
      this.code === "NAMESPACE_TERMINATING" ||
      // Two wrote at once.
      this.reason === "Conflict"
    );
  }
}

/**
 * The Kubernetes API over HTTP. What fails is a ClusterError: CLUSTER_UNREACHABLE, CLUSTER_FORBIDDEN (says which verb on what),
 * NAMESPACE_TERMINATING, CLUSTER_REFUSED.
 */
export class KubernetesApi {
  readonly #credentials: KubernetesCredentials;

  constructor(credentials: KubernetesCredentials) {
    this.#credentials = credentials;
  }

  /** Of the API server. */
  get url(): string {
    return this.#credentials.server;
  }

  /** `undefined` when it is not there. */
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
    const { kind, namespace } = placeOf(object);
    return this.call("POST", pathOf(kind, namespace), {
      body: object,
      query: { fieldManager: FIELD_MANAGER },
      signal,
    });
  }

  /** Server-side apply: makes the object, or gives the fields that are named here the values that they have here. */
  apply<T extends KubernetesObject>(object: T, signal?: AbortSignal, accept?: string): Promise<T> {
    const { kind, namespace, name } = placeOf(object);
    return this.call("PATCH", pathOf(kind, namespace, name), {
      body: object,
      contentType: "application/apply-patch+yaml",
      query: { fieldManager: FIELD_MANAGER, force: "true" },
      signal,
      ...(accept === undefined ? {} : { accept }),
    });
  }

  /** Succeeds when it is gone already. Resolves when the API server has taken it: what it owns goes in the background. */
  async delete(kind: Kind, namespace: string | undefined, name: string, signal?: AbortSignal): Promise<void> {
    await notFoundAsUndefined(
      this.call("DELETE", pathOf(kind, namespace, name), { body: { propagationPolicy: "Background" }, signal }),
    );
  }

  /** Any request; gives the parsed answer. What was not answered is asked again, except for `POST`: all others can be sent twice without harm. */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    // One of `AbortSignal.timeout` would stay for all of its time, with what listens to it, after a call that took milliseconds.
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(new DOMException("no answer", "TimeoutError")), TIMEOUT_MS).unref();
    const signal = options.signal ? AbortSignal.any([options.signal, timeout.signal]) : timeout.signal;
    const attempts = method === "POST" ? [TIMEOUT_MS] : ATTEMPTS_MS;
    try {
      for (let attempt = 0; ; attempt++) {
        const limits = { headersMs: attempts[attempt] as number };
        try {
          const answer = await this.#send(method, path, { ...options, signal }, options.signal, limits);
          return JSON.parse(await answer.text()) as T;
        } catch (error) {
          const failed = this.#failed(error, options.signal);
          if (attempt === attempts.length - 1 || timeout.signal.aborted || !isDead(failed)) throw failed;
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The body of an answer that goes on: a watch, or a log. It breaks when nothing came for `silenceMs`. */
  stream(path: string, query: Readonly<Record<string, string>>, silenceMs: number, signal: AbortSignal) {
    return this.#send("GET", path, { query, signal }, signal, { headersMs: OPENING_MS, bodyMs: silenceMs });
  }

  /** What a failed stream means. */
  failure(error: unknown, signal?: AbortSignal): unknown {
    return this.#failed(error, signal);
  }

  async #send(
    method: string,
    path: string,
    options: CallOptions,
    wanted: AbortSignal | undefined,
    limits: { readonly headersMs: number; readonly bodyMs?: number },
    retry = true,
  ): Promise<Readable & { text(): Promise<string> }> {
    const { headers, dispatcher } = await this.#credentials.access();
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
        this.#credentials.refused();
        return await this.#send(method, path, options, wanted, limits, false);
      }
      throw refusal(statusCode, text, `${method} ${path}`);
    } catch (error) {
      throw this.#failed(error, wanted);
    }
  }

  #failed(error: unknown, wanted: AbortSignal | undefined): unknown {
    if (wanted?.aborted) return wanted.reason;
    if (error instanceof FaasError) return error;
    const { code, message, name } = error as NodeJS.ErrnoException;
    const said = name === "TimeoutError" ? `nothing came within ${TIMEOUT_MS / 1000} s` : (code ?? message);
    const detail = `The Kubernetes API server at ${this.url} does not answer (${said}); see "kubectl cluster-info"`;
    return new ClusterError("CLUSTER_UNREACHABLE", detail, 0, "", error);
  }
}

/** Path of a kind in a namespace, or of one object of it. */
export function pathOf(kind: Kind, namespace: string | undefined, name?: string): string {
  const { group, plural, namespaced } = resources[kind];
  const within = namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
  return `/${group}${within}/${plural}${name === undefined ? "" : `/${name}`}`;
}

function placeOf(object: KubernetesObject): { kind: Kind; namespace: string | undefined; name: string } {
  return { kind: object.kind as Kind, namespace: object.metadata?.namespace, name: object.metadata?.name as string };
}

const isDead = (error: unknown) =>
  error instanceof ClusterError &&
  error.httpStatus === 0 &&
  DEAD.test((error.cause as NodeJS.ErrnoException | undefined)?.code ?? "");

const contentType = ({ body, contentType = "application/json" }: CallOptions) =>
  body === undefined ? {} : { "content-type": contentType };

/** The `Status` object of a refused request (Kubernetes API conventions, "Response Status Kind"), as an error. */
function refusal(httpStatus: number, text: string, request: string): ClusterError {
  const { message = text.slice(0, 300), reason = "", details } = parseStatus(text);
  const terminating =
    details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") ?? /is being terminated/.test(message);
  if (terminating) return new ClusterError("NAMESPACE_TERMINATING", message, httpStatus, reason);
  if (httpStatus === 401 || (httpStatus === 403 && /cannot \w+ resource/.test(message))) {
    const advice = 'run "faas doctor" to see which rights are missing';
    return new ClusterError(
      "CLUSTER_FORBIDDEN",
      `The cluster refuses: ${message || request}; ${advice}`,
      httpStatus,
      reason,
    );
  }
  return new ClusterError("CLUSTER_REFUSED", `The cluster refuses ${request}: ${message}`, httpStatus, reason);
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

async function notFoundAsUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error) => {
    if (error instanceof ClusterError && error.httpStatus === 404) return undefined;
    throw error;
  });
}
