import type { EndedReplica, EndpointSpec, EndpointStatus, Replica, ReplicaFailure } from "@faas/core";
import { OVER } from "../common/ready-probe.ts";
import { StartStages } from "../common/start-stages.ts";
import {
  type Failure,
  foreignTrouble,
  type PodFacts,
  startTimeoutTrouble,
  unreachableTrouble,
  withLastLines,
} from "./pods/pod-facts.ts";
import { waitUntilPodReady } from "./pods/readiness-probe.ts";
import { PORT } from "./reconcile/manifests.ts";

const ENDED_KEPT = 5;
/** A node, or the organization's limits, may have room in a moment: when another pod has ended. */
const ROOM_GRACE_MS = 5_000;

/** Kubernetes has connected to the replica: we should have been first. */
const UNREACHABLE_MS = 5_000;
/** What takes longer than a start should: whoever reads the log is told what it waits for. */
const SLOW_MS = 15_000;

/** What endpoints need of their platform: one for all of them, of which there are many. */
export interface EndpointHost {
  readonly startSeconds: number;
  /** Something observable changed. */
  changed(endpoint: KubernetesEndpoint): void;
  /** It answered its first ready probe: time to take the startup boost away. */
  ready(facts: PodFacts): void;
  /** It takes long to start, and nothing says why. `waits` is for what. */
  slow(facts: PodFacts, waits: string): void;
  /** The last lines of a replica; empty when they cannot be had soon. */
  lastLines(facts: PodFacts, previous: boolean): Promise<readonly string[]>;
}

/** One container of one pod, from the moment it is seen. */
class ReplicaState {
  facts: PodFacts;
  ready = false;
  wasReady = false;
  /** Its trouble was told. */
  told = false;
  readonly probing = new AbortController();
  readonly stages: StartStages;
  probed = false;
  readonly startTimer: NodeJS.Timeout;
  readonly slowTimer: NodeJS.Timeout;
  unschedulableTimer: NodeJS.Timeout | undefined;
  unreachableTimer: NodeJS.Timeout | undefined;
  graceTimer: NodeJS.Timeout | undefined;
  graceIsOver = false;

  constructor(facts: PodFacts, stages: StartStages, { startSeconds, slow }: EndpointHost, onLate: () => void) {
    this.facts = facts;
    this.stages = stages;
    this.startTimer = setTimeout(onLate, startSeconds * 1000).unref();
    this.slowTimer = setTimeout(() => {
      if (!this.ready && !this.told && !this.facts.deleting) slow(this.facts, waitsFor(this.facts));
    }, SLOW_MS).unref();
  }

  stop(): void {
    this.ready = false;
    this.probing.abort(OVER);
    clearTimeout(this.startTimer);
    clearTimeout(this.slowTimer);
    clearTimeout(this.unschedulableTimer);
    clearTimeout(this.unreachableTimer);
    clearTimeout(this.graceTimer);
  }
}

/** The next step of a pod's start: who has to take it may be away. */
function waitsFor({ scheduled, ip, runningSinceMs }: PodFacts): string {
  if (!scheduled) return "the scheduler";
  if (ip === undefined) return "the node: its kubelet and its container runtime";
  return runningSinceMs === undefined ? "its image, or the container runtime" : "its function to be loaded";
}

function seeStages({ facts, stages, ready }: ReplicaState): void {
  // What is told after it was ready was so before.
  if (ready) return;
  if (facts.scheduled) stages.see("scheduled");
  if (facts.ip !== undefined) stages.see("network");
  if (facts.runningSinceMs !== undefined) stages.see("container");
}

/** One endpoint as it is observed on the cluster: its pods, which of them answer, and why others do not. */
export class KubernetesEndpoint {
  spec: EndpointSpec;
  /** Replicas that are wanted; undefined until the cluster was asked. */
  desired: number | undefined;
  readonly #host: EndpointHost;
  /** By the pod's name. */
  readonly #replicas = new Map<string, ReplicaState>();
  #failure: ReplicaFailure | undefined;
  /** The limits have no room for a pod: told when that lasts. */
  #crowded: Failure | undefined;
  #crowdedTimer: NodeJS.Timeout | undefined;
  /** Grows with each attempt to start replicas: what is told late of a former one is not heard. */
  #attempt = 0;
  #ended: readonly EndedReplica[] = [];
  /** How many the autoscaler wants, where there is one. */
  #autoscaled: number | undefined;
  /** The revision that had as many replicas as are wanted, and so replaced all before it. */
  #inPlace: string | undefined;
  #status: EndpointStatus | undefined;
  /** `performance.now()` when more replicas were asked for last, and when the cluster had taken that. */
  #asked: { readonly at: number; accepted?: number | undefined } | undefined;

  constructor(spec: EndpointSpec, host: EndpointHost) {
    this.spec = spec;
    this.#host = host;
  }

  get status(): EndpointStatus {
    this.#status ??= {
      org: this.spec.org,
      endpoint: this.spec.endpoint,
      revision: this.spec.revision,
      replicas: this.#listed(),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      ...(this.#ended.length === 0 ? {} : { ended: this.#ended }),
    };
    return this.#status;
  }

  /** Whether a replica of the applied revision answered. */
  get hasReady(): boolean {
    return this.#readyOf(this.spec.revision) > 0;
  }

  /** More replicas are asked for, from now on. */
  asked(): void {
    this.#asked = { at: performance.now() };
  }

  /** The cluster took it. */
  accepted(): void {
    if (this.#asked) this.#asked.accepted ??= performance.now();
  }

  /** Fewer replicas of the applied revision are there, or on their way, than are wanted. */
  get isShort(): boolean {
    let count = 0;
    for (const { facts } of this.#replicas.values())
      if (!facts.deleting && facts.revision === this.spec.revision) count++;
    return count < (this.desired ?? 0);
  }

  /** Whether replicas of a revision answer that Kubernetes does not take for ready yet. */
  isSettling(revision: string): boolean {
    for (const { facts, ready } of this.#replicas.values())
      if (ready && facts.revision === revision && !facts.isReady) return true;
    return false;
  }

  apply(spec: EndpointSpec): void {
    if (spec.revision !== this.spec.revision) {
      this.newAttempt();
      this.asked();
    }
    this.spec = spec;
    this.#changed();
  }

  /** What failed before is no longer the reason. */
  newAttempt(): void {
    this.#attempt++;
    this.#failure = undefined;
    this.#roomAgain();
    for (const replica of this.#replicas.values()) replica.told = false;
    this.#changed();
  }

  observePod(facts: PodFacts): void {
    let state = this.#replicas.get(facts.pod);
    if (state && state.facts.replica !== facts.replica) {
      this.#containerEnded(state, facts.formerEnd);
      state = undefined;
    }
    if (!state) {
      if (facts.deleting) return;
      const fresh: ReplicaState = new ReplicaState(facts, this.#stages(), this.#host, () => this.#late(fresh));
      state = fresh;
      this.#replicas.set(facts.pod, state);
    }
    state.facts = facts;
    seeStages(state);
    this.#look(state);
    this.#changed();
  }

  podGone(pod: string): void {
    this.#replicas.get(pod)?.stop();
    if (this.#replicas.delete(pod)) this.#changed();
  }

  /** The pods that there are: the others are gone. */
  podsListed(names: ReadonlySet<string>): void {
    for (const pod of [...this.#replicas.keys()]) if (!names.has(pod)) this.podGone(pod);
  }

  /** Whether pods can be made of its Deployment; undefined: they can. */
  observeDeployment(trouble: Failure | undefined): void {
    if (trouble?.code !== "REPLICAS_LIMITED") {
      this.#roomAgain();
      if (trouble) this.refused(trouble);
      return;
    }
    this.#crowded = trouble;
    this.#crowdedTimer ??= setTimeout(() => this.#crowded && this.refused(this.#crowded), ROOM_GRACE_MS).unref();
  }

  /** How many replicas an autoscaler set; undefined: it is not its to set. */
  observeAutoscaler(replicas: number | undefined): void {
    if (this.#autoscaled === replicas) return;
    this.#autoscaled = replicas;
    this.#changed();
  }

  /** No pod could even be made. */
  refused(trouble: Failure): void {
    if (this.hasReady || this.#failure?.detail === trouble.detail) return;
    this.#failure = { revision: this.spec.revision, code: trouble.code, detail: trouble.detail, lastLogLines: [] };
    this.#changed();
  }

  stop(): void {
    this.#roomAgain();
    for (const replica of this.#replicas.values()) replica.stop();
    this.#replicas.clear();
  }

  #roomAgain(): void {
    clearTimeout(this.#crowdedTimer);
    this.#crowdedTimer = undefined;
    this.#crowded = undefined;
  }

  #stages(): StartStages {
    const now = performance.now();
    // One that the cluster made by itself was asked for by nobody.
    const asked: { readonly at: number; readonly accepted?: number | undefined } =
      this.#asked && now - this.#asked.at < this.#host.startSeconds * 1000 ? this.#asked : { at: now };
    const stages = new StartStages(asked.at);
    if (asked.accepted !== undefined) stages.see("accepted", asked.accepted);
    stages.see("pod", now);
    return stages;
  }

  #look(state: ReplicaState): void {
    const { facts } = state;
    clearTimeout(state.unschedulableTimer);
    if (facts.deleting) {
      state.stop();
      return;
    }
    // The node may not have heard of a value that was set just now.
    const isLate = facts.trouble?.code === "SECRET_UNAVAILABLE" && !state.graceIsOver;
    if (facts.trouble && isLate) {
      const { trouble } = facts;
      const tell = () => {
        state.graceIsOver = true;
        if (state.facts.trouble?.code === trouble.code) this.#look(state);
      };
      state.graceTimer ??= setTimeout(tell, ROOM_GRACE_MS).unref();
      return;
    }
    if (facts.trouble) {
      state.ready = false;
      this.#fail(state, facts.trouble);
      return;
    }
    if (facts.unschedulable !== undefined) {
      const { unschedulable } = facts;
      const tell = () =>
        this.#fail(state, { code: "UNSCHEDULABLE", detail: `No node takes the replica: ${unschedulable}` });
      state.unschedulableTimer = setTimeout(tell, ROOM_GRACE_MS).unref();
    }
    if (facts.isReady && !state.ready) {
      const tell = () => state.ready || this.#fail(state, unreachableTrouble(facts));
      state.unreachableTimer ??= setTimeout(tell, UNREACHABLE_MS).unref();
    }
    if (facts.ip !== undefined && !state.probed) void this.#probe(state, facts.ip);
  }

  async #probe(state: ReplicaState, host: string): Promise<void> {
    state.probed = true;
    const isForeign = this.spec.runtime === "dockerfile";
    try {
      const answer = await waitUntilPodReady({ host, port: PORT, isForeign }, state.probing.signal, () =>
        state.stages.see("listens"),
      );
      if (!answer.ready || (!isForeign && !answer.isWrapper)) {
        const detail = answer.detail ?? "";
        return this.#fail(
          state,
          answer.isWrapper ? { code: "FUNCTION_LOAD_FAILED", detail, ran: "this" } : foreignTrouble(answer.status),
        );
      }
    } catch {
      return; // It is no replica any more.
    }
    if (state.facts.deleting || state.facts.trouble || this.#replicas.get(state.facts.pod) !== state) return;
    clearTimeout(state.startTimer);
    clearTimeout(state.slowTimer);
    state.ready = true;
    state.wasReady = true;
    state.stages.see("ready");
    if (state.facts.revision === this.spec.revision) this.#failure = undefined;
    this.#host.ready(state.facts);
    this.#changed();
  }

  #late(state: ReplicaState): void {
    if (!state.ready) this.#fail(state, startTimeoutTrouble(state.facts, this.#host.startSeconds));
  }

  /** Its container ended, and the pod has another one now. */
  #containerEnded(state: ReplicaState, end: Failure | undefined): void {
    if (!state.told && end) this.#fail(state, { ...end, ran: "previous" });
    state.stop();
    this.#replicas.delete(state.facts.pod);
  }

  /** The reason why the applied revision does not run, or how a replica that served came to its end. */
  #fail(state: ReplicaState, trouble: Failure): void {
    if (state.told) return;
    state.told = true;
    const { facts, wasReady } = state;
    const attempt = this.#attempt;
    const tell = (lastLogLines: readonly string[]) => {
      const { code, detail } = withLastLines(trouble, lastLogLines);
      const failure = { revision: facts.revision, code, detail, lastLogLines };
      if (wasReady) this.#ended = [...this.#ended.slice(1 - ENDED_KEPT), { id: facts.replica, ...failure }];
      else if (facts.revision === this.spec.revision && attempt === this.#attempt) this.#failure = failure;
      this.#changed();
    };
    if (trouble.ran === undefined) tell([]);
    else void this.#host.lastLines(facts, trouble.ran === "previous").then(tell);
  }

  /** Old revisions are left out once the new one took over: they are about to be ended, however many replicas are wanted then. */
  #listed(): readonly Replica[] {
    const { revision } = this.spec;
    const ready = this.#readyOf(revision);
    const wanted = Math.max(this.desired ?? 0, this.#autoscaled ?? 0);
    if (this.desired !== undefined && this.desired > 0 && ready >= wanted) this.#inPlace = revision;
    const replaced = this.#inPlace === revision && ready > 0;
    const listed: Replica[] = [];
    for (const { facts, ready, stages } of this.#replicas.values()) {
      if (facts.deleting || (replaced && facts.revision !== revision)) continue;
      const host = facts.ip?.includes(":") ? `[${facts.ip}]` : facts.ip;
      const cpuMillis = facts.enforcedCpuMillis ?? facts.cpuMillis;
      listed.push({
        id: facts.replica,
        address: host === undefined ? "" : `${host}:${PORT}`,
        ready,
        revision: facts.revision,
        ...(cpuMillis === undefined ? {} : { cpuMillis }),
        start: stages.list,
      });
    }
    return listed;
  }

  #readyOf(revision: string): number {
    let count = 0;
    for (const { facts, ready } of this.#replicas.values()) if (ready && facts.revision === revision) count++;
    return count;
  }

  #changed(): void {
    this.#status = undefined;
    this.#host.changed(this);
  }
}
