import { FaasError } from "@faas/core";
import { KubeConfig } from "@kubernetes/client-node";
import { Agent, type Dispatcher } from "undici";

/** Lifetime of credentials in this process: tokens from files and plugins change. */
const CREDENTIALS_MS = 30_000;
/** Timeout for making a connection, including TLS: the next attempt may take another route. */
const CONNECT_MS = 4_000;

/** Kubeconfig of the library, with a timeout for making connections. */
class TimedConfig extends KubeConfig {
  override createDispatcherOptions(...parameters: Parameters<KubeConfig["createDispatcherOptions"]>) {
    const options = super.createDispatcherOptions(...parameters);
    return options.type === "agent" ? { ...options, connect: { ...options.connect, timeout: CONNECT_MS } } : options;
  }
}

/** Authentication of a request to the API server. */
export interface RequestAuth {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/** Address of the API server and credentials for it, from `KUBECONFIG`, `~/.kube/config`, or the pod that the server runs in. */
export class KubernetesCredentials {
  /** URL without a trailing slash. */
  readonly server: string;
  /** Name of the kubeconfig's context. */
  readonly context: string;
  readonly #config: KubeConfig;
  #auth: { readonly value: Promise<RequestAuth>; readonly expiresAtMs: number } | undefined;
  #dispatcher: Dispatcher | undefined;

  private constructor(config: KubeConfig, server: string) {
    this.#config = config;
    this.server = server;
    this.context = config.getCurrentContext();
  }

  /**
   * Loads the credentials of a context, by default of the current one.
   *
   * @throws CLUSTER_CONFIG_INVALID
   */
  static load(context?: string): KubernetesCredentials {
    const config = new TimedConfig();
    try {
      config.loadFromDefault();
    } catch (cause) {
      const { code, path, message } = cause as NodeJS.ErrnoException;
      throw invalid(
        code === "ENOENT"
          ? `KUBECONFIG names a missing file (${path}): set it to a kubeconfig, or unset it to use ~/.kube/config`
          : `Cannot read the kubeconfig: ${message}`,
        cause,
      );
    }
    if (context !== undefined) {
      const known = config.getContexts().map(({ name }) => name);
      if (!known.includes(context))
        throw invalid(`Expected a context of the kubeconfig (${known.join(", ") || "it has none"}), got "${context}"`);
      config.setCurrentContext(context);
    }
    const cluster = config.getCurrentCluster();
    // Fallback of the library if it finds no kubeconfig.
    const isFallback = cluster?.name === "cluster" && cluster.server === "http://localhost:8080";
    if (!cluster || isFallback) {
      const contextName = config.getCurrentContext();
      throw invalid(
        contextName && !isFallback
          ? `The kubeconfig's context "${contextName}" has no cluster; choose another with "kubectl config use-context"`
          : "No kubeconfig found: set KUBECONFIG, or create ~/.kube/config",
      );
    }
    return new KubernetesCredentials(config, cluster.server.replace(/\/+$/, ""));
  }

  /**
   * Returns the authentication for a request, from the cache if it is fresh.
   *
   * @throws CLUSTER_CONFIG_INVALID if a credential plugin fails, for example
   */
  requestAuth(): Promise<RequestAuth> {
    if (this.#auth === undefined || this.#auth.expiresAtMs < Date.now()) {
      this.#auth = { value: this.#load(), expiresAtMs: Date.now() + CREDENTIALS_MS };
    }
    return this.#auth.value;
  }

  /** Drops the cached authentication, after the API server rejected it. */
  invalidate(): void {
    this.#auth = undefined;
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
  }

  async #load(): Promise<RequestAuth> {
    const headers: Record<string, string> = {};
    let ownDispatcher: Dispatcher | undefined;
    const context = {
      setHeaderParam: (name: string, value: string) => {
        headers[name] = value;
      },
      setDispatcher: (dispatcher: Dispatcher) => {
        ownDispatcher = dispatcher;
      },
    };
    try {
      await this.#config.applySecurityAuthentication(
        context as Parameters<KubeConfig["applySecurityAuthentication"]>[0],
      );
    } catch (cause) {
      this.#auth = undefined;
      throw invalid(`Cannot use the kubeconfig's credentials: ${(cause as Error).message}`, cause);
    }
    // The first dispatcher is reused with its connections: a renewed client certificate takes effect in a new process.
    this.#dispatcher ??= ownDispatcher ?? new Agent({ connect: { timeout: CONNECT_MS } });
    return { headers, dispatcher: this.#dispatcher };
  }
}

const invalid = (detail: string, cause?: unknown) => new FaasError("CLUSTER_CONFIG_INVALID", detail, { cause });
