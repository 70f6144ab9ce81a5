import type { EndedReplica, EndpointSpec, EndpointStatus, ReplicaFailure, Replica as ReplicaStatus } from "@faas/core";
import { isForeignServer } from "../common/foreign-server.ts";
import type { ReadyResponse } from "../common/ready-probe.ts";
import { serverExit } from "../common/server-failures.ts";
import { StartStages } from "../common/start-stages.ts";
import { ReplacementBackoff } from "./pods/exits/replacement-backoff.ts";
import type { PodFacts } from "./pods/pod-facts.ts";
import { type Failure, isKill, UNEXPLAINED_EXIT, withLastLines } from "./pods/pod-failures.ts";
import { Replica, type ReplicaOwner, TRANSIENT_FAILURE_MS } from "./pods/replica.ts";
import { replicaStatus } from "./pods/replica-status.ts";
import { PORT } from "./reconcile/manifests/labels.ts";
import { lackingRoom } from "./room/lacking-room.ts";

const MAX_ENDED = 5;
/** Time for a failure that passes to reach the calls that wait. */
const PASSING_MS = 250;

/** The platform as its endpoints see it: one object for all of them. */
export interface EndpointHost {
  /** Time for a replica to start. */
  readonly startSeconds: number;
  /** Called when the status may have changed. */
  onChanged(endpoint: KubernetesEndpoint): void;
  /** Called when a replica became ready, and no longer needs the startup boost. */
  onReplicaReady(facts: PodFacts): void;
  /** Called when no node has the memory, or may have the number of pods, for a replica. */
  onNodesFull(): void;
  /** Called when the organization's quota rejected a pod. */
  onQuotaUsedUp(org: string): void;
  /** Called once for a replica that starts slowly without a known failure. */
  onSlowStart(facts: PodFacts, waitingFor: string): void;
  /** Called for a replica whose process ended, when it is to be replaced. */
  onReplace(facts: PodFacts): void;
  /** Returns the last log lines of a replica; an empty list if they are not available soon. */
  lastLines(facts: PodFacts, previous: boolean): Promise<readonly string[]>;
}

/** An endpoint as observed in the cluster: its replicas, and why it has too few. */
export class KubernetesEndpoint {
  spec: EndpointSpec;
  /** Number of replicas to run; `undefined` until it was read from the cluster. */
  desired: number | undefined;
  /** Number of replicas that `scaled` was last called with, which an autoscaler must not go below; 0 before. */
  requested = 0;
  readonly #host: EndpointHost;
  readonly #owner: ReplicaOwner;
  /** Replicas by pod name. */
  readonly #replicas = new Map<string, Replica>();
  #failure: ReplicaFailure | undefined;
  /** Rejection of a pod by the limits, which is reported if it lasts. */
  #quotaFailure: Failure | undefined;
  #quotaTimer: NodeJS.Timeout | undefined;
  /** Number of replicas that a gateway started, until it is changed by `scaled`. */
  #woken: number | undefined;
  /** Number of the attempt to start replicas: late failures of previous attempts are ignored. */
  #attempt = 0;
  #ended: readonly EndedReplica[] = [];
  /** Number of replicas that the autoscaler set, if there is one. */
  #autoscaled: number | undefined;
  #cpuPending: string | undefined;
  /** The revision that has replaced all previous ones by having had as many replicas as desired. */
  #rolledOut: string | undefined;
  #status: EndpointStatus | undefined;
  /** `performance.now()` of the last request for more replicas, and of its acceptance by the cluster. */
  #request: { readonly at: number; acceptedAt?: number | undefined } | undefined;

  readonly #replacements = new ReplacementBackoff();
  /** Last log lines of replicas that exited, read before their pods are gone. */
  readonly #lastLines = new WeakMap<Replica, Promise<readonly string[]>>();

  constructor(spec: EndpointSpec, host: EndpointHost) {
    this.spec = spec;
    this.#host = host;
    this.#owner = {
      startSeconds: host.startSeconds,
      server: () => (isForeignServer(this.spec) ? this.spec : undefined),
      onReady: (replica) => this.#replicaReady(replica),
      onSlowStart: ({ facts }, waitingFor) => host.onSlowStart(facts, waitingFor),
      onFailure: (replica, failure) => void this.#replicaFailed(replica, failure),
      onExit: (replica, readyMs) => this.#replicaExited(replica, readyMs),
      replacementDelayMs: () => this.#replacements.delayMs,
      onReplace: ({ facts }) => {
        this.requestReplicas();
        host.onReplace(facts);
      },
    };
  }

  get status(): EndpointStatus {
    this.#status ??= {
      org: this.spec.org,
      endpoint: this.spec.endpoint,
      revision: this.spec.revision,
      replicas: this.#listReplicas(),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      ...(this.#ended.length === 0 ? {} : { ended: this.#ended }),
      ...(this.#cpuPending === undefined ? {} : { cpuPending: this.#cpuPending }),
      ...(this.#woken === undefined ? {} : { woken: this.#woken }),
      ...lackingRoom(this.#replicas.values()),
    };
    return this.#status;
  }

  /** Number of replicas that the applied revision lacks, counting starting ones as present. */
  get missing(): number {
    let count = 0;
    for (const { facts } of this.#replicas.values())
      if (!facts.deleting && facts.revision === this.spec.revision) count++;
    return Math.max(0, (this.desired ?? 0) - count);
  }

  /** True if the replica of a pod exited, and is being replaced. */
  hasExited(pod: string): boolean {
    return this.#replicas.get(pod)?.hasExited ?? false;
  }

  /** True if a revision has ready replicas that Kubernetes does not consider ready yet. */
  isSettling(revision: string): boolean {
    for (const { facts, isReady } of this.#replicas.values())
      if (isReady && facts.revision === revision && !facts.isReady) return true;
    return false;
  }

  /** Sets the desired number of replicas. */
  scaled(replicas: number): void {
    this.desired = this.requested = replicas;
    if (this.#woken === undefined) return;
    this.#woken = undefined;
    this.#changed();
  }

  /** Takes over the number of replicas that a gateway started, while none were desired here. */
  adopt(replicas: number): void {
    this.desired = replicas;
    this.#woken = replicas;
    this.requestReplicas();
    this.requestAccepted();
    this.startAttempt();
  }

  /** Starts the clock for the replicas that are created next. */
  requestReplicas(): void {
    this.#request = { at: performance.now() };
  }

  /** Records that the cluster accepted the requested replicas. */
  requestAccepted(): void {
    if (this.#request) this.#request.acceptedAt ??= performance.now();
  }

  apply(spec: EndpointSpec): void {
    if (spec.revision !== this.spec.revision) {
      this.startAttempt();
      this.requestReplicas();
    }
    this.spec = spec;
    this.#changed();
  }

  /** Starts a new attempt to start replicas, and forgets previous failures. */
  startAttempt(): void {
    this.#attempt++;
    this.#failure = undefined;
    this.#replacements.reset();
    this.#clearQuotaFailure();
    for (const replica of this.#replicas.values()) replica.allowFailure();
    this.#changed();
  }

  observePod(facts: PodFacts): void {
    let replica = this.#replicas.get(facts.pod);
    if (replica && replica.facts.replica !== facts.replica) {
      this.#containerReplaced(replica, facts.previousExit);
      replica = undefined;
    }
    if (!replica) {
      if (facts.deleting) return;
      replica = new Replica(facts, this.#startStages("pod"), this.#owner);
      this.#replicas.set(facts.pod, replica);
    }
    replica.observe(facts);
    // Waiting pods reserve hardly any CPU.
    if (replica.lackedResources.some((resource) => resource !== "cpu")) this.#host.onNodesFull();
    this.#changed();
  }

  /**
   * Adds a warm pod that is being given the function.
   *
   * @param claim its response, when the function has loaded or failed to; rejects if the pod did not take it
   */
  claimed(facts: PodFacts, claim: Promise<ReadyResponse>): void {
    const replica = new Replica(facts, this.#startStages("warm pod"), this.#owner, claim);
    this.#replicas.set(facts.pod, replica);
    replica.observe(facts);
    this.#changed();
  }

  podDeleted(pod: string): void {
    const replica = this.#replicas.get(pod);
    if (replica?.hasExited) replica.fail(UNEXPLAINED_EXIT);
    replica?.stop();
    if (this.#replicas.delete(pod)) this.#changed();
  }

  /** Handles the reason why the Deployment's pods cannot be created; `undefined` if they can. */
  observeDeployment(failure: Failure | undefined): void {
    if (failure?.code !== "REPLICAS_LIMITED") {
      this.#clearQuotaFailure();
      if (failure) this.podCreationFailed(failure);
      return;
    }
    this.#host.onQuotaUsedUp(this.spec.org);
    this.#quotaFailure = failure;
    if (this.#quotaTimer === undefined) this.#reportQuotaLater();
  }

  /** Handles the number of replicas that an autoscaler set; `undefined` if there is no autoscaler. */
  observeAutoscaler(replicas: number | undefined): void {
    if (this.#autoscaled === replicas) return;
    this.#autoscaled = replicas;
    this.#changed();
  }

  /** Handles the reason why replicas do not have the CPU that they should have; `undefined` if they have. */
  cpuChanged(pending: string | undefined): void {
    if (this.#cpuPending === pending) return;
    this.#cpuPending = pending;
    this.#changed();
  }

  /** Reports why no pod can be created, unless the applied revision has a ready replica. */
  podCreationFailed({ code, detail }: Failure): void {
    if (this.#countReady(this.spec.revision) > 0 || this.#failure?.detail === detail) return;
    this.#failure = { revision: this.spec.revision, code, detail, lastLogLines: [] };
    this.#changed();
  }

  stop(): void {
    this.#clearQuotaFailure();
    for (const replica of this.#replicas.values()) replica.stop();
    this.#replicas.clear();
  }

  /** Reports that the limits allow no pod, when none of the endpoint's own is ending, which would make room for one. */
  #reportQuotaLater(): void {
    this.#quotaTimer = setTimeout(() => {
      if ([...this.#replicas.values()].some(({ facts }) => facts.deleting)) this.#reportQuotaLater();
      else if (this.#quotaFailure) this.podCreationFailed(this.#quotaFailure);
    }, TRANSIENT_FAILURE_MS).unref();
  }

  #clearQuotaFailure(): void {
    clearTimeout(this.#quotaTimer);
    this.#quotaTimer = undefined;
    this.#quotaFailure = undefined;
  }

  #startStages(first: "pod" | "warm pod"): StartStages {
    const now = performance.now();
    const request = this.#request;
    // The start of a pod that the cluster created by itself, without a recent request, begins now.
    const isRequested = request !== undefined && now - request.at < this.#host.startSeconds * 1000;
    const stages = new StartStages(isRequested ? request.at : now);
    if (isRequested && request.acceptedAt !== undefined) stages.record("accepted", request.acceptedAt);
    stages.record(first, now);
    return stages;
  }

  #replicaReady({ facts }: Replica): void {
    if (facts.revision === this.spec.revision) this.#failure = undefined;
    this.#host.onReplicaReady(facts);
    this.#changed();
  }

  #replicaExited(replica: Replica, readyMs: number): number {
    this.#lastLines.set(replica, this.#host.lastLines(replica.facts, false));
    this.#changed();
    return this.#replacements.next(readyMs);
  }

  /** Handles a restarted container, which is another replica. */
  #containerReplaced(replica: Replica, exit: Failure | undefined): void {
    if (exit && (replica.wasReady || !isKill(exit))) replica.fail({ ...exit, logs: "previous" });
    replica.stop();
    this.#replicas.delete(replica.facts.pod);
  }

  /** Reports why the applied revision does not run, or how a replica that was ready ended. */
  async #replicaFailed(replica: Replica, failure: Failure): Promise<void> {
    const { facts, wasReady } = replica;
    const attempt = this.#attempt;
    const lastLogLines = failure.logs
      ? await (this.#lastLines.get(replica) ?? this.#host.lastLines(facts, failure.logs === "previous"))
      : [];
    const { code, detail } = withLastLines(this.#explained(failure, wasReady), lastLogLines);
    const reported = { revision: facts.revision, code, detail, lastLogLines };
    const ended = { id: facts.replica, ...reported, ...(isKill(failure) ? { killed: true } : {}) };
    if (wasReady) this.#ended = [...this.#ended.slice(1 - MAX_ENDED), ended];
    else if (facts.revision === this.spec.revision && attempt === this.#attempt) {
      this.#failure = reported;
      if (failure.passes) setTimeout(() => this.#withdraw(reported), PASSING_MS).unref();
    }
    this.#changed();
  }

  #withdraw(failure: ReplicaFailure): void {
    if (this.#failure !== failure) return;
    this.#failure = undefined;
    this.#changed();
  }

  /** Describes the exit of a server by its command. */
  #explained(failure: Failure, wasServing: boolean): Failure {
    const { exitCode } = failure;
    if (this.spec.app !== "server" || this.spec.command === undefined || exitCode === undefined) return failure;
    return { ...failure, ...serverExit(this.spec, PORT, { code: exitCode, signal: null, wasServing }) };
  }

  /**
   * Lists the replicas that the gateway may use. Replicas of previous revisions are left out after the applied revision has replaced them: they are
   * about to terminate, even if more replicas are desired by then.
   */
  #listReplicas(): readonly ReplicaStatus[] {
    const { revision } = this.spec;
    const ready = this.#countReady(revision);
    const expected = Math.max(this.desired ?? 0, this.#autoscaled ?? 0);
    if (this.desired !== undefined && this.desired > 0 && ready >= expected) this.#rolledOut = revision;
    const hasReplaced = this.#rolledOut === revision && ready > 0;
    const listed: ReplicaStatus[] = [];
    for (const replica of this.#replicas.values()) {
      const { deleting, revision: replicaRevision } = replica.facts;
      if (!deleting && !(hasReplaced && replicaRevision !== revision)) listed.push(replicaStatus(replica));
    }
    return listed;
  }

  #countReady(revision: string): number {
    let count = 0;
    for (const { facts, isReady } of this.#replicas.values()) if (isReady && facts.revision === revision) count++;
    return count;
  }

  #changed(): void {
    this.#status = undefined;
    this.#host.onChanged(this);
  }
}
