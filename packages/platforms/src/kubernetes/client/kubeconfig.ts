import { FaasError } from "@faas/core";
import { KubeConfig } from "@kubernetes/client-node";
import { Agent, type Dispatcher } from "undici";

/** Tokens from files and plugins change: they are asked for again after this. */
const FRESH_MS = 30_000;

/** A connection, TLS included, that takes longer is none: the next attempt may find another way. */
const CONNECT_MS = 4_000;

/** The library's own, with a limit for making connections. */
class TimedConfig extends KubeConfig {
  override createDispatcherOptions(...parameters: Parameters<KubeConfig["createDispatcherOptions"]>) {
    const options = super.createDispatcherOptions(...parameters);
    return options.type === "agent" ? { ...options, connect: { ...options.connect, timeout: CONNECT_MS } } : options;
  }
}

/** What a request to the API server needs. */
export interface Access {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/** Where the API server is and who we are there, from `KUBECONFIG`, `~/.kube/config`, or the pod that we run in. */
export class KubernetesCredentials {
  /** URL without a slash at its end. */
  readonly server: string;
  /** The kubeconfig's context. */
  readonly context: string;
  readonly #config: KubeConfig;
  #access: { readonly granted: Promise<Access>; readonly untilMs: number } | undefined;
  #dispatcher: Dispatcher | undefined;

  private constructor(config: KubeConfig, server: string) {
    this.#config = config;
    this.server = server;
    this.context = config.getCurrentContext();
  }

  /** Throws CLUSTER_CONFIG_INVALID. */
  static load(context?: string): KubernetesCredentials {
    const config = new TimedConfig();
    try {
      config.loadFromDefault();
    } catch (cause) {
      const { code, path, message } = cause as NodeJS.ErrnoException;
      throw invalid(
        code === "ENOENT"
          ? `KUBECONFIG names a file that is not there (${path}): set it to a kubeconfig, or unset it for ~/.kube/config`
          : `The kubeconfig cannot be read: ${message}`,
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
    // What the library falls back to when it finds nothing.
    const isFallback = cluster?.name === "cluster" && cluster.server === "http://localhost:8080";
    if (!cluster || isFallback) {
      const names = config.getCurrentContext();
      throw invalid(
        names && !isFallback
          ? `The kubeconfig's context "${names}" names no cluster; choose one with "kubectl config use-context"`
          : "There is no kubeconfig: set KUBECONFIG, or write ~/.kube/config",
      );
    }
    return new KubernetesCredentials(config, cluster.server.replace(/\/+$/, ""));
  }

  /** Rejects with CLUSTER_CONFIG_INVALID when a credential plugin fails, for instance. */
  access(): Promise<Access> {
    if (this.#access === undefined || this.#access.untilMs < Date.now()) {
      this.#access = { granted: this.#ask(), untilMs: Date.now() + FRESH_MS };
    }
    return this.#access.granted;
  }

  /** The server did not take what `access` gave: it is asked for anew. */
  refused(): void {
    this.#access = undefined;
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
  }

  async #ask(): Promise<Access> {
    const headers: Record<string, string> = {};
    let offered: Dispatcher | undefined;
    const context = {
      setHeaderParam: (name: string, value: string) => {
        headers[name] = value;
      },
      setDispatcher: (dispatcher: Dispatcher) => {
        offered = dispatcher;
      },
    };
    try {
      await this.#config.applySecurityAuthentication(
        context as Parameters<KubeConfig["applySecurityAuthentication"]>[0],
      );
    } catch (cause) {
      this.#access = undefined;
      throw invalid(`The kubeconfig's credentials cannot be used: ${(cause as Error).message}`, cause);
    }
    // The first one is kept with its connections. A client certificate that is renewed needs a new process.
    this.#dispatcher ??= offered ?? new Agent({ connect: { timeout: CONNECT_MS } });
    return { headers, dispatcher: this.#dispatcher };
  }
}

const invalid = (detail: string, cause?: unknown) => new FaasError("CLUSTER_CONFIG_INVALID", detail, { cause });
