import type { NodeResource } from "@faas/core";
import { REPLICA_REMOVED, type ReadyResponse } from "../../common/ready-probe.ts";
import { unreadyServer } from "../../common/server-failures.ts";
import type { ServerProbe } from "../../common/server-probe.ts";
import type { StartStages } from "../../common/start-stages.ts";
import { PORT } from "../reconcile/manifests/labels.ts";
import { RoomWait } from "../room/room-wait.ts";
import { waitForExit } from "./exits/exit-watch.ts";
import type { PodFacts } from "./pod-facts.ts";
import { type Failure, foreignServerFailure, isKill, startTimeoutFailure, unreachableFailure } from "./pod-failures.ts";
import { podServerProbe, usualPortsOf, waitUntilPodReady } from "./readiness-probe.ts";

/** Time for a temporary failure to pass: another pod may end and free resources, or a node may not know a new secret yet. */
export const TRANSIENT_FAILURE_MS = 5_000;
/** Time for the ready probe to succeed after Kubernetes' own probe did: it should have been first. */
const UNREACHABLE_MS = 5_000;
/** Time after which a start is logged as slow. */
const SLOW_START_MS = 15_000;

/** The endpoint that a replica belongs to. */
export interface ReplicaOwner {
  readonly startSeconds: number;
  /** Returns how to probe a server without a faas wrapper; undefined for a wrapper. */
  server(): { readonly readyPath?: string } | undefined;
  onReady(replica: Replica): void;
  /** Called for a slow start without a known failure. */
  onSlowStart(replica: Replica, waitingFor: string): void;
  /** Called once per replica, and again after `allowFailure`. */
  onFailure(replica: Replica, failure: Failure): void;
  /**
   * Called once for a replica whose process has ended, if it was ready or was killed; how it ended is reported by `onFailure`, before or later. Returns the time
   * after which to replace it.
   */
  onExit(replica: Replica, readyMs: number): number;
  /** Returns the time after which to replace a replica whose container waits for a function. */
  replacementDelayMs(): number;
  /** Called when it is time to replace a replica that exited, unless another container has replaced it by then. */
  onReplace(replica: Replica): void;
}

/** A container of a pod, from its first observation on: probes whether it is ready, and finds out why it does not start. */
export class Replica {
  readonly stages: StartStages;
  readonly #owner: ReplicaOwner;
  /** Response of a warm pod that is being given the function; undefined for a pod that is probed. */
  readonly #claim: Promise<ReadyResponse> | undefined;
  readonly #probing = new AbortController();
  readonly #startTimer: NodeJS.Timeout;
  readonly #slowTimer: NodeJS.Timeout;
  readonly #room: RoomWait;
  #unreachableTimer: NodeJS.Timeout | undefined;
  #missingSecretTimer: NodeJS.Timeout | undefined;
  #isMissingSecretFinal = false;
  #facts: PodFacts;
  #serverProbe: ServerProbe | undefined;
  #isReady = false;
  #wasReady = false;
  #isProbed = false;
  #hasFailed = false;
  #readyAt = 0;
  #hasExited = false;
  #replaceTimer: NodeJS.Timeout | undefined;

  constructor(facts: PodFacts, stages: StartStages, owner: ReplicaOwner, claim?: Promise<ReadyResponse>) {
    this.#facts = facts;
    this.#claim = claim;
    this.stages = stages;
    this.#owner = owner;
    this.#room = new RoomWait((failure) => this.fail(failure));
    this.#startTimer = setTimeout(() => {
      if (!this.#isReady) void this.#failStart();
    }, owner.startSeconds * 1000).unref();
    this.#slowTimer = setTimeout(() => {
      if (this.#isReady || this.#hasFailed || this.#facts.deleting) return;
      owner.onSlowStart(this, nextStartStep(this.#facts));
    }, SLOW_START_MS).unref();
  }

  get facts(): PodFacts {
    return this.#facts;
  }

  /** True while the replica answers requests. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** True if the replica was ready at any time. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** Resources that the replica waits for, and may get when others give way. */
  get lackedResources(): readonly NodeResource[] {
    return this.#room.resources;
  }

  /** True if the replica was ready, and its process has ended. */
  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Updates the replica from its pod. */
  observe(facts: PodFacts): void {
    this.#facts = facts;
    this.#recordStages();
    this.#evaluate();
  }

  /** Reports a failure, unless one has been reported. */
  fail(failure: Failure): void {
    if (this.#hasFailed) return;
    this.#hasFailed = !failure.passes;
    this.#owner.onFailure(this, failure);
  }

  /** Allows the next failure to be reported: a new attempt to start replicas begins. */
  allowFailure(): void {
    this.#hasFailed = false;
    this.#room.restart();
  }

  /** Ends the probe and all timers of a removed or terminating replica. */
  stop(): void {
    this.#isReady = false;
    this.#probing.abort(REPLICA_REMOVED);
    clearTimeout(this.#startTimer);
    clearTimeout(this.#slowTimer);
    this.#room.stop();
    clearTimeout(this.#unreachableTimer);
    clearTimeout(this.#missingSecretTimer);
    clearTimeout(this.#replaceTimer);
  }

  async #failStart(): Promise<void> {
    const { runningSinceMs, ip } = this.#facts;
    const { startSeconds } = this.#owner;
    const server = this.#owner.server();
    if (server === undefined || runningSinceMs === undefined || ip === undefined)
      return this.fail(startTimeoutFailure(runningSinceMs !== undefined, startSeconds));
    const ports = await usualPortsOf(ip);
    if (this.#isReady || this.#probing.signal.aborted) return;
    const { listens = false, status } = this.#serverProbe ?? {};
    const { readyPath } = server;
    const failure = unreadyServer({ port: PORT, ports, listens, readyPath, status, waitedMs: startSeconds * 1000 });
    this.fail({ ...failure, logs: "current" });
  }

  #recordStages(): void {
    // After the replica is ready, a stage is observed too late to have a meaningful time; a warm pod has been through all of them before.
    if (this.#isReady || this.#claim) return;
    const { scheduled, ip, runningSinceMs } = this.#facts;
    if (scheduled) this.stages.record("scheduled");
    if (ip !== undefined) this.stages.record("network");
    if (runningSinceMs !== undefined) this.stages.record("container");
  }

  #evaluate(): void {
    const { deleting, failure, isReady, ip } = this.#facts;
    if (deleting) {
      // Its pod is being replaced. Its end, which was known first, is explained now.
      if (failure && (this.#hasExited || failure.evicted)) this.fail(failure);
      this.stop();
      return;
    }
    this.#room.observe(this.#facts.unschedulable);
    if (failure) {
      this.#evaluateFailure(failure);
      return;
    }
    // A warm pod was ready before it had a function.
    if (isReady && !this.#isReady && !this.#claim && !this.#hasExited)
      this.#unreachableTimer ??= setTimeout(
        () => this.#isReady || this.fail(unreachableFailure(ip)),
        UNREACHABLE_MS,
      ).unref();
    if (ip !== undefined && !this.#isProbed) void this.#probe(ip);
  }

  #evaluateFailure(failure: Failure): void {
    if (failure.code === "SECRET_UNAVAILABLE" && !this.#isMissingSecretFinal) {
      // The node may not know a value yet that was just set.
      this.#missingSecretTimer ??= setTimeout(() => {
        this.#isMissingSecretFinal = true;
        if (this.#facts.failure?.code === failure.code) this.#evaluate();
      }, TRANSIENT_FAILURE_MS).unref();
      return;
    }
    this.#isReady = false;
    if (isKill(failure) && this.#replaceKilled()) return;
    this.fail(failure);
    this.#exited();
  }

  /** Replaces a replica that was killed while it started, which is not a failure of its function. Returns false if it was ready, or if that happens again and again. */
  #replaceKilled(): boolean {
    if (this.#wasReady || this.#hasFailed) return false;
    if (this.#replaceTimer) return true;
    const delayMs = this.#owner.onExit(this, 0);
    if (delayMs > 0) return false;
    this.#replaceIn(delayMs);
    return true;
  }

  /** Handles the end of the process of a replica that was ready. One that never was is left to the kubelet, with its backoff. */
  #exited(): void {
    if (!this.#wasReady || this.#hasExited) return;
    this.#hasExited = true;
    this.#isReady = false;
    this.#replaceIn(this.#owner.onExit(this, performance.now() - this.#readyAt));
  }

  #replaceIn(delayMs: number): void {
    this.#replaceTimer = setTimeout(() => this.#owner.onReplace(this), delayMs).unref();
  }

  async #probe(host: string): Promise<void> {
    this.#isProbed = true;
    const server = this.#owner.server();
    const { signal } = this.#probing;
    try {
      const onConnect = () => this.stages.record("listens");
      const pod = { host, port: PORT };
      if (server) {
        this.#serverProbe = podServerProbe(pod, server.readyPath, signal);
        await this.#serverProbe.untilReady(signal, onConnect);
        return this.#becomeReady(signal);
      }
      const response = this.#claim ?? waitUntilPodReady(pod, signal, onConnect);
      const { ready, isWrapper, isWarm, status, detail = "" } = await response;
      // A restarted container that could not keep its claim: no other one comes, because its pod belongs to the endpoint.
      if (isWarm) return this.#replaceIn(this.#owner.replacementDelayMs());
      if (!ready || !isWrapper)
        return this.fail(
          isWrapper ? { code: "FUNCTION_LOAD_FAILED", detail, logs: "current" } : foreignServerFailure(status),
        );
    } catch {
      return; // The replica was removed, or the pod took no function and is about to be.
    }
    this.#becomeReady(signal);
  }

  #becomeReady(signal: AbortSignal): void {
    if (signal.aborted || this.#facts.failure) return;
    clearTimeout(this.#startTimer);
    clearTimeout(this.#slowTimer);
    this.#isReady = true;
    this.#wasReady = true;
    this.#readyAt = performance.now();
    this.stages.record("ready");
    this.#owner.onReady(this);
    void this.#watchForExit(signal);
  }

  /** Finds out at once that a wrapper's process ended. Of other servers, only the kubelet's report is known: a connection of its own might occupy them. */
  async #watchForExit(signal: AbortSignal): Promise<void> {
    const { ip } = this.#facts;
    if (ip === undefined || this.#owner.server()) return;
    try {
      await waitForExit({ host: ip, port: PORT }, signal);
    } catch {
      return; // The replica was removed.
    }
    this.#exited();
  }
}

/** Returns the component that a starting pod waits for, which may be unavailable. */
function nextStartStep({ scheduled, ip, runningSinceMs }: PodFacts): string {
  if (!scheduled) return "the scheduler";
  if (ip === undefined) return "the node: its kubelet and its container runtime";
  return runningSinceMs === undefined ? "its image, or the container runtime" : "its function to load";
}
