import {
  type EndpointRef,
  endpointKey,
  FaasError,
  type Logger,
  type PutSplit,
  revisionsInTraffic,
  type TrafficView,
  VARIANT_ENDPOINT_MAX,
} from "@faas/core";
import { endpointNotFound } from "@faas/gateway";
import { withCanaryEnded } from "../canary/canary-record.ts";
import { allRevisions, findRevision } from "../deployments/find-revision.ts";
import { hasValues } from "../deployments/target-revision.ts";
import type { KeyedMutex } from "../lib/keyed-mutex.ts";
import type { EndpointRecord } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import { ExpiryTimer } from "./expiry-timer.ts";
import { nextExpiryMs, withoutExpired, withShares, withTag } from "./traffic.ts";
import { mayHaveVariants } from "./variant-specs.ts";
import type { Variants } from "./variants.ts";
import { viewTraffic } from "./view-traffic.ts";

export interface TrafficServiceOptions {
  readonly store: Pick<Store, "org" | "endpoint" | "changeEndpoint">;
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

  /** Follows what expires in the record of an endpoint; to be called after each change of it, and at the start. */
  follow(ref: EndpointRef, record: EndpointRecord | undefined): void {
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
        const id = findRevision(ref, record, name).id;
        if (byId[id] !== undefined)
          throw new FaasError("INVALID_REQUEST", `Expected one share for each revision, got two for ${id}`);
        byId[id] = share;
      }
      return withShares(withoutCanary(record), byId, sticky?.toLowerCase());
    });
  }

  /** @throws ENDPOINT_NOT_FOUND */
  removeSplit(ref: EndpointRef): Promise<TrafficView> {
    return this.#change(ref, (record) => withShares(withoutCanary(record), undefined));
  }

  /** @throws ENDPOINT_NOT_FOUND, REVISION_NOT_FOUND */
  putTag(ref: EndpointRef, tag: string, revision: string): Promise<TrafficView> {
    return this.#change(ref, (record) => withTag(record, tag, findRevision(ref, record, revision).id));
  }

  /** @throws ENDPOINT_NOT_FOUND, REVISION_NOT_FOUND */
  removeTag(ref: EndpointRef, tag: string): Promise<TrafficView> {
    return this.#change(ref, (record) => {
      if (record.traffic?.tags?.[tag] === undefined)
        throw new FaasError("REVISION_NOT_FOUND", `${endpointKey(ref)} has no tag "${tag}"`);
      return withTag(record, tag, undefined);
    });
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
    this.#checkSecrets(ref, record, planned);
    // Calls may go to a revision only when the platform knows it.
    await variants.prepare(ref, planned);
    await store.changeEndpoint(ref, (latest) => latest && next(latest));
    const changed = store.endpoint(ref) ?? planned;
    variants.publish(ref, changed);
    return viewTraffic(changed, Date.now());
  }

  /** Checks that the values of secrets are there which the revisions that are to run name. */
  #checkSecrets(ref: EndpointRef, before: EndpointRecord, { traffic }: EndpointRecord): void {
    const { secrets } = this.#options.store.org(ref.org) ?? {};
    const ids = revisionsInTraffic(traffic);
    for (const revision of allRevisions(before)) {
      if (!ids.has(revision.id) || hasValues(revision, before, secrets)) continue;
      throw new FaasError(
        "INVALID_REQUEST",
        `The revision ${revision.id} cannot run beside the serving one: secrets that it names have new values, and the old ones are gone. Deploy it again with "faas rollback", or its code with "faas deploy --preview"`,
      );
    }
  }
}

/** Returns the record in which a canary has given way to a split. */
const withoutCanary = (record: EndpointRecord): EndpointRecord =>
  withCanaryEnded(record, "replaced", "the split was changed by request", new Date().toISOString());

function checkName(ref: EndpointRef, { traffic }: EndpointRecord): void {
  if (traffic === undefined || mayHaveVariants(ref)) return;
  throw new FaasError(
    "INVALID_REQUEST",
    `Only endpoints with names of at most ${VARIANT_ENDPOINT_MAX} characters can have several revisions at a time, and "${ref.endpoint}" has ${ref.endpoint.length}`,
  );
}
