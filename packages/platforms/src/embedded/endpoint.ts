import {
  type EndedReplica,
  type EndpointLog,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  FaasError,
  type ReplicaFailure,
} from "@faas/core";
import type { PrintedLine } from "../common/output-tags.ts";
import type { ProcessEnd } from "./exit-reason.ts";
import { type ProcessEvents, type ProcessOptions, ReplicaProcess } from "./replica-process.ts";

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 30_000;
/** Maximum for a revision that has been ready before, since requests wait for its next replica. */
const MAX_BACKOFF_AFTER_READY_MS = 2_000;
/** Lifetime of a replica after which its failure counts as the first one. */
const HEALTHY_MS = 10_000;
const MAX_ENDED_REPLICAS = 5;
/** Last log lines of a failure. */
const MAX_LOG_LINES = 20;

/** Services that the platform provides to its endpoints. */
export interface EndpointHost {
  readonly processOptions: ProcessOptions;
  /** Rejects with BUNDLE_NOT_FOUND. */
  bundleFolder(digest: string): Promise<string>;
  /** Returns the values of the spec's secrets by variable name. Rejects with SECRET_UNAVAILABLE. */
  secretsOf(spec: EndpointSpec): Promise<Readonly<Record<string, string>>>;
  newReplicaId(spec: EndpointSpec): string;
  openLog(spec: EndpointSpec): EndpointLog;
  /** Notifies the platform that the status or the processes changed. */
  changed(endpoint: EmbeddedEndpoint): void;
  readonly records: { add(id: string, pid: number, leftovers: readonly string[]): void; remove(id: string): void };
}

/** An endpoint on the embedded platform: the applied revision, the desired number of replicas, and the processes. */
export class EmbeddedEndpoint {
  spec: EndpointSpec;
  readonly key: string;
  readonly #host: EndpointHost;
  // Created with the first process: most endpoints have none most of the time.
  #log: EndpointLog | undefined;
  #events: ProcessEvents | undefined;
  #desired = 0;
  #replicas: ReplicaProcess[] = [];
  #failure: ReplicaFailure | undefined;
  #ended: readonly EndedReplica[] = [];
  /** Consecutive failures of the applied revision. */
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #status: EndpointStatus | undefined;

  constructor(spec: EndpointSpec, host: EndpointHost) {
    this.spec = spec;
    this.key = endpointKey(spec);
    this.#host = host;
  }

  /** All processes that have not ended, including stopping ones. */
  get replicas(): readonly ReplicaProcess[] {
    return this.#replicas;
  }

  get status(): EndpointStatus {
    this.#status ??= {
      org: this.spec.org,
      endpoint: this.spec.endpoint,
      revision: this.spec.revision,
      replicas: this.#replicas
        .filter((replica) => !replica.stopping)
        .map(({ id, listener, ready, spec, stages, memoryBytes }) => ({
          id,
          ...listener,
          ready,
          revision: spec.revision,
          memoryBytes,
          start: stages.list,
        })),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      ...(this.#ended.length === 0 ? {} : { ended: this.#ended }),
    };
    return this.#status;
  }

  apply(spec: EndpointSpec): void {
    const isSameRevision = spec.revision === this.spec.revision;
    this.spec = spec;
    if (!isSameRevision) this.#forgetFailure();
    this.#reconcile();
    this.#changed();
  }

  scale(replicas: number): void {
    // A new attempt: its requests need not wait for the backoff of the previous one.
    if (this.#desired === 0 || replicas === 0) this.#forgetFailure();
    this.#desired = replicas;
    this.#reconcile();
    this.#changed();
  }

  /** Drains all replicas. Resolves when their processes have ended. */
  async stop(): Promise<void> {
    this.#desired = 0;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    await Promise.all(this.#replicas.map((replica) => this.#stop(replica)));
  }

  /** Starts and stops processes to reach the desired state. Replicas of older revisions serve until the new ones are ready. */
  #reconcile(): void {
    const alive = this.#replicas.filter((replica) => !replica.stopping);
    const current = alive.filter((replica) => replica.spec.revision === this.spec.revision);
    const older = alive.filter((replica) => replica.spec.revision !== this.spec.revision);

    for (const replica of current.slice(this.#desired)) void this.#stop(replica);
    const ready = current.slice(0, this.#desired).filter((replica) => replica.ready).length;
    const isReplaced = ready >= this.#desired;
    older.forEach((replica, index) => {
      if (isReplaced || !replica.ready || index >= this.#desired) void this.#stop(replica);
    });
    if (this.#retry !== undefined) return;
    for (let missing = this.#desired - current.length; missing > 0; missing--) this.#start();
  }

  #start(): void {
    const host = this.#host;
    this.#log ??= host.openLog(this.spec);
    this.#events ??= {
      ready: (replica) => this.#onReady(replica),
      failed: (replica, end) => this.#onFailed(replica, end),
      line: (replica, stream, line) => this.#append(replica, stream, line),
      started: (replica, pid) => host.records.add(replica.id, pid, replica.ownPaths),
      ended: (replica) => host.records.remove(replica.id),
    };
    const replica = new ReplicaProcess(host.newReplicaId(this.spec), this.spec, host.processOptions, this.#events);
    this.#replicas.push(replica);
    void replica.ended.then(() => {
      this.#replicas = this.#replicas.filter((other) => other !== replica);
    });
    void this.#launch(replica);
  }

  async #launch(replica: ReplicaProcess): Promise<void> {
    const { artifact } = replica.spec;
    try {
      if (artifact.kind !== "bundle")
        throw new FaasError("ARTIFACT_UNSUPPORTED", "The embedded platform runs bundles, not images");
      const bundle = await this.#host.bundleFolder(artifact.digest);
      const secrets = await this.#host.secretsOf(replica.spec);
      if (!replica.stopping) replica.start(bundle, secrets);
    } catch (error) {
      const code = error instanceof FaasError ? error.code : "REPLICA_EXITED";
      replica.failStart({ code, detail: error instanceof Error ? error.message : String(error) });
    }
  }

  #stop(replica: ReplicaProcess): Promise<void> {
    const stopped = replica.stop();
    this.#changed();
    return stopped;
  }

  #onReady(replica: ReplicaProcess): void {
    if (replica.spec.revision === this.spec.revision) this.#failure = undefined;
    this.#reconcile();
    this.#changed();
  }

  #onFailed(replica: ReplicaProcess, end: ProcessEnd): void {
    this.#replicas = this.#replicas.filter((other) => other !== replica);
    // A function that does not load has printed the reason.
    const detail = replica.lastLines.at(-1) === end.detail ? "ended, because it did not load" : end.detail;
    void this.#append(replica, "stderr", { text: `[faas] replica ${replica.id}: ${detail}` });
    const { killed, ...reason } = end;
    const lastLogLines = replica.lastLines.slice(-MAX_LOG_LINES);
    const failure = { revision: replica.spec.revision, ...reason, lastLogLines };
    const ended = { id: replica.id, ...failure, ...(killed ? { killed } : {}) };
    if (replica.wasReady) this.#ended = [...this.#ended.slice(1 - MAX_ENDED_REPLICAS), ended];
    if (replica.spec.revision === this.spec.revision) this.#countFailure(replica, failure);
    this.#reconcile();
    this.#changed();
  }

  /** Schedules the next attempt. A replica that was ready once shows that the revision can run, so its next attempt comes soon and requests wait for it. */
  #countFailure(replica: ReplicaProcess, failure: ReplicaFailure): void {
    const lifetimeMs = Date.now() - replica.startedMs;
    this.#failures = lifetimeMs > HEALTHY_MS ? 1 : this.#failures + 1;
    if (!replica.wasReady) this.#failure = failure;
    if (this.#desired === 0 || this.#retry !== undefined) return;
    // The first time, a replica that served is replaced at once.
    if (replica.wasReady && this.#failures === 1) return;
    const maxMs = replica.wasReady ? MAX_BACKOFF_AFTER_READY_MS : MAX_BACKOFF_MS;
    const backoffMs = Math.min(maxMs, MIN_BACKOFF_MS * 2 ** (this.#failures - 1));
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#reconcile();
      this.#changed();
    }, backoffMs);
  }

  #forgetFailure(): void {
    this.#failure = undefined;
    this.#failures = 0;
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  #append(
    replica: ReplicaProcess,
    stream: "stdout" | "stderr",
    { text: line, requestId }: PrintedLine,
  ): Promise<void> | undefined {
    return this.#log?.append({
      time: new Date().toISOString(),
      replica: replica.id,
      revision: replica.spec.revision,
      stream,
      line,
      ...(requestId === undefined ? {} : { requestId }),
    });
  }

  #changed(): void {
    this.#status = undefined;
    this.#host.changed(this);
  }
}
