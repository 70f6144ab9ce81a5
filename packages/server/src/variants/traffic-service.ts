import {
  type EndpointRef,
  endpointKey,
  FaasError,
  type Logger,
  type Preview,
  type PutSplit,
  type TrafficView,
  VARIANT_ENDPOINT_MAX,
} from "@faas/core";
import { endpointNotFound } from "@faas/gateway";
import { findRevision } from "../deployments/find-revision.ts";
import type { KeyedMutex } from "../lib/keyed-mutex.ts";
import { type EndpointRecord, servingRevision } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import { ExpiryTimer } from "./expiry-timer.ts";
import { nextExpiryMs, withAllCallsTo, withoutExpired, withPreview, withShares, withTag } from "./traffic.ts";
import { mayHaveVariants } from "./variant-specs.ts";
import type { Variants } from "./variants.ts";
import { viewTraffic } from "./view-traffic.ts";

export interface TrafficServiceOptions {
  readonly store: Pick<Store, "endpoint" | "endpoints" | "changeEndpoint">;
  readonly variants: Variants;
  /** Serializes the changes of one endpoint. */
  readonly mutex: KeyedMutex;
  readonly log: Logger;
}

/** Changes how the calls of endpoints are divided among their revisions. A change is on disk and in effect when its promise resolves. */
export class TrafficService implements Disposable {
  readonly #options: TrafficServiceOptions;
  readonly #expiries: ExpiryTimer;

  constructor(options: TrafficServiceOptions) {
    this.#options = options;
    this.#expiries = new ExpiryTimer((ref) => this.#removeExpired(ref));
  }

  [Symbol.dispose](): void {
    this.#expiries[Symbol.dispose]();
  }

  /** Follows what expires in the record of an endpoint; to be called after each change of it, and at the start for all. */
  follow(ref: EndpointRef): void {
    const record = this.#options.store.endpoint(ref);
    this.#expiries.set(ref, record && nextExpiryMs(record));
  }

  /** @throws ENDPOINT_NOT_FOUND */
  view(ref: EndpointRef): TrafficView {
    const record = this.#options.store.endpoint(ref);
    if (record === undefined) throw endpointNotFound(ref);
    return viewTraffic(record, Date.now());
  }

  /** @throws ENDPOINT_NOT_FOUND, REVISION_NOT_FOUND, INVALID_REQUEST */
  async putSplit(ref: EndpointRef, { shares, sticky }: PutSplit): Promise<TrafficView> {
    return this.#change(ref, (record) => {
      const byId: Record<string, number> = {};
      for (const [name, share] of Object.entries(shares)) {
        const id = resolveRevision(ref, record, name);
        if (byId[id] !== undefined)
          throw new FaasError("INVALID_REQUEST", `Expected one share for each revision, got two for ${id}`);
        byId[id] = share;
      }
      return withShares(record, byId, sticky?.toLowerCase());
    });
  }

  /** @throws ENDPOINT_NOT_FOUND */
  removeSplit(ref: EndpointRef): Promise<TrafficView> {
    return this.#change(ref, (record) => withShares(record, undefined));
  }

  /** @throws ENDPOINT_NOT_FOUND, REVISION_NOT_FOUND */
  putTag(ref: EndpointRef, tag: string, revision: string): Promise<TrafficView> {
    return this.#change(ref, (record) => withTag(record, tag, resolveRevision(ref, record, revision)));
  }

  /** @throws ENDPOINT_NOT_FOUND, REVISION_NOT_FOUND */
  removeTag(ref: EndpointRef, tag: string): Promise<TrafficView> {
    return this.#change(ref, (record) => {
      if (record.traffic?.tags?.[tag] === undefined)
        throw new FaasError("REVISION_NOT_FOUND", `${endpointKey(ref)} has no tag "${tag}"`);
      return withTag(record, tag, undefined);
    });
  }

  /**
   * Directs all calls to a revision at once, if a replica of it is kept, until the endpoint itself serves it: the first step of a rollback. Returns false
   * if there is no such replica.
   */
  async serveAtOnce(ref: EndpointRef, revision: string): Promise<boolean> {
    if (this.#options.variants.readyVariant(ref, revision) === undefined) return false;
    await this.#change(ref, (record) =>
      servingRevision(record).id === revision ? withShares(record, undefined) : withAllCallsTo(record, revision),
    );
    return true;
  }

  async #removeExpired(ref: EndpointRef): Promise<void> {
    const { store, log } = this.#options;
    if (store.endpoint(ref) === undefined) return;
    await this.#change(ref, (record) => withoutExpired(record, Date.now())).catch((error) =>
      log.warn({ err: error, ...ref }, "failed to remove an expired preview, will retry"),
    );
  }

  async #change(ref: EndpointRef, next: (record: EndpointRecord) => EndpointRecord): Promise<TrafficView> {
    return this.#options.mutex.run(endpointKey(ref), () => this.changeLocked(ref, next));
  }

  /** Changes an endpoint whose changes are serialized already. */
  async changeLocked(ref: EndpointRef, next: (record: EndpointRecord) => EndpointRecord): Promise<TrafficView> {
    const { store, variants } = this.#options;
    const record = store.endpoint(ref);
    if (record === undefined) throw endpointNotFound(ref);
    const planned = next(record);
    checkName(ref, planned);
    // Calls may go to a revision only when the platform knows it.
    await variants.prepare(ref, planned);
    await store.changeEndpoint(ref, (latest) => latest && next(latest));
    const changed = store.endpoint(ref) ?? planned;
    variants.publish(ref, changed);
    this.follow(ref);
    return viewTraffic(changed, Date.now());
  }
}

/** Returns the id of the revision that a tag, an id, or the beginning of one names. */
function resolveRevision(ref: EndpointRef, record: EndpointRecord, name: string): string {
  const { tags = {} } = record.traffic ?? {};
  return Object.hasOwn(tags, name) ? (tags[name] as string) : findRevision(ref, record, name).id;
}

function checkName(ref: EndpointRef, { traffic }: EndpointRecord): void {
  if (traffic === undefined || mayHaveVariants(ref)) return;
  throw new FaasError(
    "INVALID_REQUEST",
    `Only endpoints with names of at most ${VARIANT_ENDPOINT_MAX} characters can have several revisions at a time, and "${ref.endpoint}" has ${ref.endpoint.length}`,
  );
}
