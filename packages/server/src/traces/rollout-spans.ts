import { type EndpointRef, type EndpointSpec, endpointKey } from "@faas/core";
import type { ActiveSpan, EndpointRegistry } from "@faas/gateway";
import { awaitsFirstReady, candidateRevision, type EndpointRecord, servingRevision } from "../state/records.ts";
import type { Store } from "../state/store.ts";

interface OpenRollout {
  readonly ref: EndpointRef;
  readonly revision: string;
  readonly span: ActiveSpan;
}

/** Spans of rollouts, from the request that began them until the revision serves or has failed. */
export class RolloutSpans implements Disposable {
  readonly #store: Pick<Store, "endpoint">;
  readonly #registry: Pick<EndpointRegistry<EndpointSpec>, "get">;
  readonly #open = new Map<string, OpenRollout>();
  readonly #unsubscribe: () => void;

  constructor(store: Pick<Store, "endpoint" | "subscribe">, registry: Pick<EndpointRegistry<EndpointSpec>, "get">) {
    this.#store = store;
    this.#registry = registry;
    this.#unsubscribe = store.subscribe((change) => {
      const { org } = change;
      if (org === undefined || change.endpoint === undefined) return;
      this.#evaluate(this.#open.get(endpointKey({ org, endpoint: change.endpoint })));
    });
  }

  /** Begins the span of a rollout, unless it has ended already. */
  begin(ref: EndpointRef, revision: string, request: ActiveSpan): void {
    const record = this.#store.endpoint(ref);
    if (record === undefined || !isInProgress(record, revision)) return;
    const key = endpointKey(ref);
    this.#open.get(key)?.span.end(SUPERSEDED);
    const span = request.child("rollout");
    span.set("faas.name", key);
    span.set("faas.version", revision);
    this.#open.set(key, { ref, revision, span });
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    for (const { span } of this.#open.values()) span.end("the server stopped");
    this.#open.clear();
  }

  #evaluate(open: OpenRollout | undefined): void {
    if (open === undefined) return;
    const { ref, revision, span } = open;
    const record = this.#store.endpoint(ref);
    if (record !== undefined && isInProgress(record, revision)) return;
    const key = endpointKey(ref);
    this.#open.delete(key);
    const { failure } = record ?? {};
    if (failure?.revision === revision) {
      span.set("error.type", failure.code);
      span.end(failure.detail);
    } else if (record === undefined || servingRevision(record).id !== revision) span.end(SUPERSEDED);
    else {
      this.#addStages(key, revision, span);
      span.end();
    }
  }

  /** Adds the observed stages of the start of the first replica that is ready. */
  #addStages(key: string, revision: string, span: ActiveSpan): void {
    const replicas = this.#registry.get(key)?.status?.replicas ?? [];
    const stages = replicas.find((each) => each.ready && each.revision === revision)?.start ?? [];
    span.addStages(stages);
  }
}

const SUPERSEDED = "another change of the endpoint replaced it";

/** Tells whether a revision has neither been ready nor failed. */
function isInProgress(record: EndpointRecord, revision: string): boolean {
  if (record.failure?.revision === revision) return false;
  if (candidateRevision(record)?.id === revision) return true;
  return awaitsFirstReady(record) && servingRevision(record).id === revision;
}
