import {
  type EndpointSpec,
  type EndpointStatus,
  endpointSpec,
  type Language,
  type LogSink,
  type Platform,
  type Replica,
  revisionId,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { Agent, request } from "undici";

/** A platform under test. */
export interface PlatformUnderTest extends AsyncDisposable {
  readonly platform: Platform;
  /** Logs that the platform writes to. */
  readonly logs: LogSink;
  /** Builds an artifact from the source of a function: the text of index.mjs, index.ts or main.py. */
  artifact(source: string, language?: Language): Promise<EndpointSpec["artifact"]>;
  /** Organization that only this test uses. */
  readonly org: string;
  /** Ends the process of a replica, as a crash would. */
  kill(replica: string): Promise<void>;
  /** Resolves when a prewarmed process is available for the next replica; absent without a pool. */
  prewarmed?(): Promise<void>;
}

/** Maximum for a broken platform, not a performance goal. */
const TIMEOUT_MS = 120_000;

/** Applies endpoints, follows their statuses and calls their replicas. */
export class Harness {
  readonly platform: Platform;
  readonly logs: LogSink;
  readonly org: string;
  readonly kill: (replica: string) => Promise<void>;
  readonly #under: PlatformUnderTest;
  readonly #language: Language;
  readonly #aborter = new AbortController();
  readonly #agents = new Map<string, Agent>();
  readonly #onChange = new Set<() => void>();
  #statuses: readonly EndpointStatus[] = [];

  constructor(under: PlatformUnderTest, language: Language) {
    this.#under = under;
    this.#language = language;
    this.platform = under.platform;
    this.logs = under.logs;
    this.org = under.org;
    this.kill = (replica) => under.kill(replica);
    void this.#follow();
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  /** @param secrets versions of the secrets that the settings name */
  async apply(
    endpoint: string,
    source: string,
    settings: SettingsInput = {},
    secrets: Readonly<Record<string, string>> = {},
  ): Promise<EndpointSpec> {
    const artifact = await this.#under.artifact(source, this.#language);
    const full = withDefaults({ ...settings, runtime: this.#language });
    const revision = { id: revisionId(artifact, full, secrets), createdAt: "", artifact, settings: full, secrets };
    const spec = endpointSpec({ org: this.org, endpoint }, revision);
    await this.#under.prewarmed?.();
    await this.platform.apply(spec);
    return spec;
  }

  status(endpoint: string): EndpointStatus | undefined {
    return this.#statuses.find((status) => status.org === this.org && status.endpoint === endpoint);
  }

  until(endpoint: string, condition: (status: EndpointStatus) => boolean): Promise<EndpointStatus> {
    return this.#wait(endpoint, (status) => (status && condition(status) ? status : undefined));
  }

  /** Waits until an endpoint has a number of replicas, all ready. */
  ready(endpoint: string, count: number): Promise<EndpointStatus> {
    return this.until(endpoint, ({ replicas }) => replicas.length === count && replicas.every(({ ready }) => ready));
  }

  /** Waits until an endpoint has one replica, which is ready and of a revision. */
  readyRevision(endpoint: string, revision: string, count = 1): Promise<EndpointStatus> {
    const isDone = (replica: Replica) => replica.ready && replica.revision === revision;
    return this.until(endpoint, ({ replicas }) => replicas.length === count && replicas.every(isDone));
  }

  async untilGone(endpoint: string): Promise<void> {
    await this.#wait(endpoint, (status) => (status === undefined ? true : undefined));
  }

  /** Calls a ready replica of a status, by default of the current one. */
  async call(endpoint: string, status = this.status(endpoint)): Promise<string> {
    const ready = status?.replicas.filter((replica) => replica.ready) ?? [];
    const replica = ready[Math.floor(Math.random() * ready.length)];
    if (replica === undefined) throw new Error(`No replica of ${endpoint} is ready: ${JSON.stringify(status)}`);
    const { address } = replica;
    const isSocket = address.startsWith("unix:");
    let dispatcher = this.#agents.get(address);
    if (!dispatcher) {
      const connect = isSocket ? { connect: { socketPath: address.slice("unix:".length) } } : {};
      // No kept-alive connections: a replica that ends waits for their clients.
      dispatcher = new Agent({ ...connect, pipelining: 0 });
      this.#agents.set(address, dispatcher);
    }
    const { body } = await request(isSocket ? "http://replica/" : `http://${address}/`, { dispatcher });
    return body.text();
  }

  end(): void {
    this.#aborter.abort();
    for (const agent of this.#agents.values()) void agent.destroy();
  }

  async #follow(): Promise<void> {
    for await (const statuses of this.platform.watch(this.#aborter.signal)) {
      this.#statuses = statuses;
      for (const notify of this.#onChange) notify();
    }
  }

  #wait<T>(endpoint: string, look: (status: EndpointStatus | undefined) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = look(this.status(endpoint));
        if (found === undefined) return;
        clearTimeout(timer);
        this.#onChange.delete(check);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#onChange.delete(check);
        reject(new Error(`Not seen within ${TIMEOUT_MS} ms. Statuses: ${JSON.stringify(this.#statuses)}`));
      }, TIMEOUT_MS);
      this.#onChange.add(check);
      check();
    });
  }
}
