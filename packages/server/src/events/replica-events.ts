import { type EndedReplica, type EndpointRef, type EndpointStatus, mainRef, type ReplicaFailure } from "@faas/core";
import type { ServedEndpoint } from "@faas/gateway";
import type { NewEvent } from "./event-log.ts";

/** Part of an endpoint's status whose change is an event. */
interface SeenStatus {
  desired: number;
  /** Ready replicas. */
  ready: ReadonlySet<string>;
  ended: readonly EndedReplica[];
  failure: ReplicaFailure | undefined;
}

const NONE: SeenStatus = { desired: 0, ready: new Set(), ended: [], failure: undefined };

/** Derives events from the replicas of endpoints, observed and desired. */
export class ReplicaEvents {
  readonly #publish: (event: NewEvent) => void;
  /** Only endpoints with replicas, or that failed to start one. */
  readonly #seen = new Map<string, SeenStatus>();

  constructor(publish: (event: NewEvent) => void) {
    this.#publish = publish;
  }

  /** Publishes the events since the last call for the endpoint. */
  onStatus({ key, desired, status, spec }: ServedEndpoint): void {
    const { org, endpoint } = mainRef(spec);
    const ref = { org, endpoint };
    const before = this.#seen.get(key) ?? NONE;
    const { ended = [], failure, replicas = [] } = status ?? ({} as Partial<EndpointStatus>);
    const ready = new Set(replicas.filter((replica) => replica.ready).map(({ id }) => id));
    if (desired === 0 && ready.size === 0 && ended.length === 0 && !failure) this.#seen.delete(key);
    else this.#seen.set(key, { desired, ready, ended, failure });
    if (desired !== before.desired) {
      // The serving revision has its own event.
      const variant = spec.variantOf === undefined ? {} : { revision: spec.revision };
      this.#publish({ type: "faas.endpoint.scaled", ...ref, data: { from: before.desired, to: desired, ...variant } });
    }
    this.#publishReady(ref, status, before);
    this.#publishEnded(ref, before, { desired, ready, ended, failure });
  }

  /** Forgets a removed endpoint. */
  forget({ key }: ServedEndpoint): void {
    this.#seen.delete(key);
  }

  #publishReady(ref: EndpointRef, status: EndpointStatus | undefined, before: SeenStatus): void {
    for (const { id, ready, revision, start } of status?.replicas ?? []) {
      if (!ready || before.ready.has(id)) continue;
      const stages = start?.map(({ stage, atMs }) => ({ stage, atMs: Math.round(atMs) })) ?? [];
      const startMs = stages.at(-1)?.atMs;
      const data = { replica: id, revision, ...(startMs === undefined ? {} : { startMs, stages }) };
      this.#publish({ type: "faas.replica.ready", ...ref, data });
    }
  }

  #publishEnded(ref: EndpointRef, before: SeenStatus, now: SeenStatus): void {
    for (const { id, revision, code, detail } of now.ended) {
      if (before.ended.some((each) => each.id === id)) continue;
      this.#publish({ type: "faas.replica.failed", ...ref, data: { replica: id, revision, code, detail } });
    }
    const { failure } = now;
    if (failure && (failure.detail !== before.failure?.detail || failure.revision !== before.failure.revision)) {
      const { revision, code, detail } = failure;
      this.#publish({ type: "faas.replica.failed", ...ref, data: { revision, code, detail } });
    }
    for (const id of before.ready) {
      if (now.ready.has(id) || now.ended.some((each) => each.id === id)) continue;
      this.#publish({ type: "faas.replica.stopped", ...ref, data: { replica: id } });
    }
  }
}
