import {
  type EndedReplica,
  type EndpointLog,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  FaasError,
  type ReplicaFailure,
} from "@faas/core";
import { type ProcessEnd, type ProcessEvents, type ProcessOptions, ReplicaProcess } from "./replica-process.ts";

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MOST_MS = 30_000;
/** A replica that lived so long starts the backoff anew. */
const HEALTHY_MS = 10_000;
/** Requests wait for the next replica of a revision that got ready before. */
const BACKOFF_OF_PROVEN_MOST_MS = 2_000;
const ENDED_KEPT = 5;

/** What the endpoint needs of its platform. */
export interface EndpointHost {
  readonly processOptions: ProcessOptions;
  bundleFolder(digest: string): Promise<string>;
  /** Values of its secrets, by variable. Rejects with SECRET_UNAVAILABLE. */
  secretsOf(spec: EndpointSpec): Promise<Readonly<Record<string, string>>>;
  newReplicaId(spec: EndpointSpec): string;
  openLog(spec: EndpointSpec): EndpointLog;
  /** Something observable changed. */
  changed(endpoint: EmbeddedEndpoint): void;
  readonly records: { add(id: string, pid: number, leftovers: readonly string[]): void; remove(id: string): void };
}

/** One endpoint on the embedded platform: the revision that is applied, the number of replicas that is wanted, and the processes. */
export class EmbeddedEndpoint {
  spec: EndpointSpec;
  readonly key: string;
  readonly #host: EndpointHost;
  // Most endpoints have no process most of the time: what only processes need is made with the first one.
  #logs: EndpointLog | undefined;
  #events: ProcessEvents | undefined;
  #desired = 0;
  #replicas: ReplicaProcess[] = [];
  #failure: ReplicaFailure | undefined;
  #ended: readonly EndedReplica[] = [];
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #status: EndpointStatus | undefined;

  constructor(spec: EndpointSpec, host: EndpointHost) {
    this.spec = spec;
    this.key = endpointKey(spec);
    this.#host = host;
  }

  /** Every process that is not gone, stopping ones too. */
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
        .map(({ id, socketPath, ready, spec, stages }) => ({
          id,
          address: `unix:${socketPath}`,
          ready,
          revision: spec.revision,
          start: stages.list,
        })),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      ...(this.#ended.length === 0 ? {} : { ended: this.#ended }),
    };
    return this.#status;
  }

  apply(spec: EndpointSpec): void {
    const same = spec.revision === this.spec.revision;
    this.spec = spec;
    if (!same) this.#forgetFailure();
    this.#reconcile();
    this.#changed();
  }

  scale(replicas: number): void {
    // An attempt anew: whoever asks need not wait for the backoff of the last one.
    if (this.#desired === 0 || replicas === 0) this.#forgetFailure();
    this.#desired = replicas;
    this.#reconcile();
    this.#changed();
  }

  /** Drains all replicas and resolves when they are gone. */
  async stop(): Promise<void> {
    this.#desired = 0;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    await Promise.all(this.#replicas.map((replica) => this.#stop(replica)));
  }

  /** Starts and stops processes until they are what is wanted. */
  #reconcile(): void {
    const alive = this.#replicas.filter((replica) => !replica.stopping);
    const current = alive.filter((replica) => replica.spec.revision === this.spec.revision);
    const older = alive.filter((replica) => replica.spec.revision !== this.spec.revision);

    for (const replica of current.slice(this.#desired)) void this.#stop(replica);
    const ready = current.slice(0, this.#desired).filter((replica) => replica.ready).length;
    const replaced = ready >= this.#desired;
    older.forEach((replica, index) => {
      if (replaced || !replica.ready || index >= this.#desired) void this.#stop(replica);
    });
    if (this.#retry !== undefined) return;
    for (let missing = this.#desired - current.length; missing > 0; missing--) this.#start();
  }

  #start(): void {
    const host = this.#host;
    this.#logs ??= host.openLog(this.spec);
    this.#events ??= {
      ready: (replica) => this.#onReady(replica),
      failed: (replica, end) => this.#onFailed(replica, end),
      line: (replica, stream, line) => this.#log(replica, stream, line),
      started: (replica, pid) => host.records.add(replica.id, pid, replica.belongings),
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
      const folder = await this.#host.bundleFolder(artifact.digest);
      const secrets = await this.#host.secretsOf(replica.spec);
      if (!replica.stopping) replica.start(folder, secrets);
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
    void this.#log(replica, "stderr", `[faas] replica ${replica.id}: ${end.detail}`);
    const failure = { revision: replica.spec.revision, ...end, lastLogLines: [...replica.lastLines] };
    if (replica.wasReady) this.#ended = [...this.#ended.slice(1 - ENDED_KEPT), { id: replica.id, ...failure }];
    if (replica.spec.revision === this.spec.revision) this.#countFailure(replica, failure);
    this.#reconcile();
    this.#changed();
  }

  /** One that was ready once shows that the revision can run: it is tried again soon, and requests wait for it. */
  #countFailure(replica: ReplicaProcess, failure: ReplicaFailure): void {
    const lived = Date.now() - replica.startedMs;
    this.#failures = lived > HEALTHY_MS ? 1 : this.#failures + 1;
    if (!replica.wasReady) this.#failure = failure;
    if (this.#desired === 0 || this.#retry !== undefined) return;
    // The first death of one that served is mended at once.
    if (replica.wasReady && this.#failures === 1) return;
    const most = replica.wasReady ? BACKOFF_OF_PROVEN_MOST_MS : BACKOFF_MOST_MS;
    const wait = Math.min(most, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#reconcile();
      this.#changed();
    }, wait);
  }

  #forgetFailure(): void {
    this.#failure = undefined;
    this.#failures = 0;
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  #log(replica: ReplicaProcess, stream: "stdout" | "stderr", line: string): Promise<void> | undefined {
    return this.#logs?.append({
      time: new Date().toISOString(),
      replica: replica.id,
      revision: replica.spec.revision,
      stream,
      line,
    });
  }

  #changed(): void {
    this.#status = undefined;
    this.#host.changed(this);
  }
}
