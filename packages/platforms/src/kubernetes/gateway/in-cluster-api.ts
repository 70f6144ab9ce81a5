import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { FaasError } from "@faas/core";
import { rejection } from "../client/cluster-error.ts";
import {
  type AttemptLimits,
  type CallOptions,
  type ClusterRequests,
  callWithRetries,
  encodedBody,
  requestFailure,
  STREAM_START_MS,
  TIMEOUT_MS,
} from "../client/requests.ts";

/** Folder with the token and the certificate authority of a pod's service account (Kubernetes, "Accessing the Kubernetes API from a Pod"). */
const ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Lifetime of a token in this process: the kubelet renews the file. */
const TOKEN_MS = 30_000;

/** Address of the API server and files of a service account. */
export interface InClusterOptions {
  /** Environment of the process, with `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @defaultValue the folder that the kubelet mounts */
  readonly accountFolder?: string;
}

/**
 * Client of the Kubernetes API for a process in a pod. Unlike `KubernetesApi` it reads no kubeconfig and needs only Node, because a gateway is to stay
 * small. Requests reject with a `ClusterError`.
 */
export class InClusterApi implements ClusterRequests, Disposable {
  /** URL of the API server. */
  readonly url: string;
  readonly #tokenFile: string;
  readonly #agent: Agent;
  #token: { readonly value: Promise<string>; readonly expiresAtMs: number } | undefined;

  /** @throws CLUSTER_CONFIG_INVALID outside of a pod */
  constructor({ env, accountFolder = ACCOUNT_FOLDER }: InClusterOptions) {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
    if (!host || !port)
      throw new FaasError(
        "CLUSTER_CONFIG_INVALID",
        "Expected KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which every pod has: this gateway does not run in a pod",
      );
    this.url = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
    this.#tokenFile = join(accountFolder, "token");
    this.#agent = new Agent({ keepAlive: true, ca: readAuthority(join(accountFolder, "ca.crt")) });
  }

  call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const send = async (signal: AbortSignal, limits: AttemptLimits) =>
      text(await this.#send(method, path, { ...options, signal }, limits));
    return callWithRetries(method, options.signal, send, (error, signal) => this.failure(error, signal));
  }

  async stream(path: string, query: Readonly<Record<string, string>>, silenceMs: number, signal: AbortSignal) {
    try {
      return await this.#send("GET", path, { query, signal }, { headersMs: STREAM_START_MS, bodyMs: silenceMs });
    } catch (error) {
      throw this.failure(error, signal);
    }
  }

  failure(error: unknown, callerSignal: AbortSignal | undefined): unknown {
    return requestFailure(this.url, error, callerSignal);
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #send(
    method: string,
    path: string,
    options: CallOptions,
    limits: AttemptLimits,
    retry = true,
  ): Promise<IncomingMessage> {
    const response = await this.#respond(method, path, options, await this.#readToken(), limits);
    const { statusCode = 0 } = response;
    if (statusCode < 300) return response;
    const body = await text(response);
    if (statusCode === 401 && retry) {
      this.#token = undefined;
      return this.#send(method, path, options, limits, false);
    }
    throw rejection(statusCode, body, `${method} ${path}`);
  }

  #respond(method: string, path: string, options: CallOptions, token: string, { headersMs, bodyMs }: AttemptLimits) {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, value);
    const sent = encodedBody(options);
    const accept = options.accept ?? "application/json";
    const headers = { authorization: `Bearer ${token}`, accept, ...sent.headers };
    return new Promise<IncomingMessage>((resolve, reject) => {
      const { signal } = options;
      const outgoing = request(url, { method, headers, agent: this.#agent, ...(signal ? { signal } : {}) });
      const timer = setTimeout(() => outgoing.destroy(timedOut()), headersMs);
      outgoing.on("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
      outgoing.on("response", (response) => {
        clearTimeout(timer);
        response.setTimeout(bodyMs ?? TIMEOUT_MS, () => response.destroy(timedOut()));
        resolve(response);
      });
      outgoing.end(sent.text);
    });
  }

  #readToken(): Promise<string> {
    if (this.#token === undefined || this.#token.expiresAtMs < Date.now()) {
      const value = readFile(this.#tokenFile, "utf8").then((content) => content.trim());
      value.catch(() => (this.#token = undefined));
      this.#token = { value, expiresAtMs: Date.now() + TOKEN_MS };
    }
    return this.#token.value;
  }
}

const timedOut = () => Object.assign(new Error("no response"), { code: "ETIMEDOUT" });

function readAuthority(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new FaasError(
      "CLUSTER_CONFIG_INVALID",
      `Cannot read ${file}, the cluster's certificate authority: ${(cause as Error).message}`,
      { cause },
    );
  }
}
