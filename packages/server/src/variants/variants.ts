import { isDeepStrictEqual } from "node:util";
import {
  type EndpointRef,
  type EndpointSpec,
  endpointKey,
  type Logger,
  mainRef,
  type Platform,
  variantRef,
  variantRevision,
} from "@faas/core";
import { type EndpointRegistry, maxReplicas, type ServedEndpoint } from "@faas/gateway";
import type { KeyedMutex } from "../lib/keyed-mutex.ts";
import type { EndpointRecord } from "../state/records.ts";
import { servedSpec, variantSpecs } from "./variant-specs.ts";

/** Called with the record whose calls are directed now; without one when the endpoint is removed. */
export type PublishedListener = (ref: EndpointRef, record: EndpointRecord | undefined) => void;

export interface VariantsOptions {
  readonly platform: Pick<Platform, "apply" | "remove">;
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly log: Logger;
  /** Serializes the changes of one endpoint, and those of one variant. */
  readonly mutex: KeyedMutex;
  /** @defaultValue none */
  readonly onPublished?: Iterable<PublishedListener>;
  /** Returns milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: () => number;
}

/** Runs the variants of all endpoints: brings the platform and the registry to what the records say. The calls of one endpoint are to be serialized. */
export class Variants {
  readonly #options: VariantsOptions;
  readonly #now: () => number;
  /** Specs of the variants that are applied, by endpoint and revision. */
  readonly #applied = new Map<string, Map<string, EndpointSpec>>();
  /** Endpoints that have, or had, more than their serving revision. */
  readonly #published = new Set<string>();
  /** Variants that keep a replica although no calls are meant for them. */
  readonly #warm = new Set<ServedEndpoint<EndpointSpec>>();
  /** Times until which variants were to be kept warm last. */
  readonly #warmUntil = new WeakMap<ServedEndpoint<EndpointSpec>, string>();
  #hasFirstList = false;

  constructor(options: VariantsOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Returns whether a reference is to a variant that should run. */
  has(ref: EndpointRef): boolean {
    const revision = variantRevision(ref);
    return revision !== undefined && this.#applied.get(endpointKey(mainRef(ref)))?.has(revision) === true;
  }

  /** Brings an endpoint's variants to what its record says. */
  async sync(ref: EndpointRef, record: EndpointRecord): Promise<void> {
    await this.prepare(ref, record);
    this.publish(ref, record);
  }

  /** As `sync`, but a failure is only logged: other revisions are not worth the failure of a deployment. */
  trySync(ref: EndpointRef, record: EndpointRecord): Promise<void> {
    return this.#logFailure(ref, this.sync(ref, record));
  }

  /** As `prepare`, but a failure is only logged. */
  tryPrepare(ref: EndpointRef, record: EndpointRecord): Promise<void> {
    return this.#logFailure(ref, this.prepare(ref, record));
  }

  /** Applies the variants of a record, which may not be written yet, to the platform: calls can go to them afterwards. */
  async prepare(ref: EndpointRef, record: EndpointRecord): Promise<void> {
    const { platform, registry, mutex } = this.#options;
    const specs = variantSpecs(ref, record, this.#now());
    for (const [revision, spec] of specs) {
      if (isDeepStrictEqual(this.#applied.get(endpointKey(ref))?.get(revision), spec)) continue;
      // An earlier removal of it may be under way.
      await mutex.run(endpointKey(spec), () => platform.apply(spec));
      this.#appliedOf(ref).set(revision, spec);
      registry.put(spec);
    }
  }

  /** Directs calls as the record says, keeps its previous revision warm, and removes variants that it no longer has. */
  publish(ref: EndpointRef, record: EndpointRecord): void {
    const { registry, onPublished = [] } = this.#options;
    const served = registry.get(endpointKey(ref));
    // As most endpoints.
    if (record.traffic === undefined && !this.#published.has(endpointKey(ref))) return;
    this.#published.add(endpointKey(ref));
    for (const listener of onPublished) listener(ref, record);
    if (served) {
      const { split, tags } = servedSpec(ref, record, this.#now());
      const isSame = isDeepStrictEqual([served.spec.split, served.spec.tags], [split, tags]);
      const { split: _, tags: __, ...spec } = served.spec;
      if (!isSame) registry.put({ ...spec, ...(split && { split }), ...(tags && { tags }) });
    }
    const specs = variantSpecs(ref, record, this.#now());
    for (const [revision, spec] of specs) this.#prepareFor(spec, record.traffic?.shares?.[revision] ?? 0, served);
    for (const revision of [...(this.#applied.get(endpointKey(ref))?.keys() ?? [])])
      if (!specs.has(revision)) this.#remove(ref, revision);
    const warm = record.traffic?.keptWarm;
    if (warm && specs.has(warm.revision)) this.#keepWarm(variantRef(ref, warm.revision), warm.until);
  }

  /** Starts the replicas of variants that are kept warm: only now it is known what runs already. */
  onFirstList(): void {
    this.#hasFirstList = true;
    for (const endpoint of this.#warm) this.#options.registry.wake(endpoint);
  }

  /** Removes all variants of a removed endpoint. */
  removeAll(ref: EndpointRef): void {
    if (!this.#published.delete(endpointKey(ref))) return;
    for (const listener of this.#options.onPublished ?? []) listener(ref, undefined);
    for (const revision of [...(this.#applied.get(endpointKey(ref))?.keys() ?? [])]) this.#remove(ref, revision);
  }

  /** Ends the replicas that an organization keeps warm, because one of its endpoints needs their room. Returns whether there were any. */
  releaseWarm(needy: ServedEndpoint<EndpointSpec>): boolean {
    // Keeping one warm is not a reason to end another.
    if (this.#warm.has(needy)) return false;
    return this.#release((endpoint) => endpoint.org === needy.org);
  }

  /** Ends the replicas that a deployment of an endpoint may need the room of. */
  onDeployment(ref: EndpointRef): void {
    const org = this.#options.registry.org(ref.org);
    const isLimited = org !== undefined && hasLimits(org);
    this.#release(({ spec }) => spec.org === ref.org && (isLimited || spec.variantOf === ref.endpoint));
  }

  /** Starts as many replicas of a variant as its share of the calls needs by those of its endpoint. It no longer gives way to others. */
  #prepareFor(spec: EndpointSpec, share: number, main: ServedEndpoint<EndpointSpec> | undefined): void {
    const { registry } = this.#options;
    const served = registry.get(endpointKey(spec));
    if (served === undefined || share === 0) return;
    this.#warm.delete(served);
    const replicas = Math.min(maxReplicas(spec), Math.ceil(((main?.desired ?? 0) * share) / 100));
    if (replicas > served.desired) registry.scale(served, replicas);
  }

  #release(condition: (endpoint: ServedEndpoint<EndpointSpec>) => boolean): boolean {
    let isReleased = false;
    for (const endpoint of this.#warm) {
      if (!condition(endpoint)) continue;
      this.#warm.delete(endpoint);
      // It may have calls of a tag.
      if (endpoint.desired === 0 || endpoint.totalInFlight + endpoint.totalWaiting > 0) continue;
      this.#options.registry.scale(endpoint, 0);
      isReleased = true;
    }
    return isReleased;
  }

  /** Returns the variant of a revision, if a replica of it is ready. */
  readyVariant(ref: EndpointRef, revision: string): ServedEndpoint<EndpointSpec> | undefined {
    const variant = this.#options.registry.get(endpointKey(variantRef(ref, revision)));
    return variant !== undefined && variant.replicas.length > 0 ? variant : undefined;
  }

  #keepWarm(ref: EndpointRef, until: string): void {
    const { registry } = this.#options;
    const endpoint = registry.get(endpointKey(ref));
    // Once only: it may have had to make room for others since.
    if (endpoint === undefined || this.#warmUntil.get(endpoint) === until) return;
    this.#warmUntil.set(endpoint, until);
    if (this.#isDeploymentShortOfRoom(endpoint)) return;
    this.#warm.add(endpoint);
    endpoint.lastRequestMs = this.#now();
    if (this.#hasFirstList) registry.wake(endpoint);
  }

  /** Tells whether a deployment of the organization may need what its limits have left. */
  #isDeploymentShortOfRoom({ org }: ServedEndpoint<EndpointSpec>): boolean {
    if (!hasLimits(org)) return false;
    for (const other of this.#options.registry.awake) if (other.deploying && other.org === org) return true;
    return false;
  }

  #remove(ref: EndpointRef, revision: string): void {
    const { platform, registry, log, mutex } = this.#options;
    const variant = variantRef(ref, revision);
    const served = registry.get(endpointKey(variant));
    if (served) this.#warm.delete(served);
    const applied = this.#appliedOf(ref);
    applied.delete(revision);
    if (applied.size === 0) this.#applied.delete(endpointKey(ref));
    registry.delete(variant);
    mutex
      .run(endpointKey(variant), () => platform.remove(variant))
      // It is removed with one of the next lists of what the platform runs.
      .catch((error) =>
        log.warn({ err: error, ...variant }, "failed to remove a revision from the platform, will retry"),
      );
  }

  #logFailure(ref: EndpointRef, work: Promise<void>): Promise<void> {
    const { log } = this.#options;
    return work.catch((error) => log.warn({ err: error, ...ref }, "failed to run a revision beside the serving one"));
  }

  #appliedOf(ref: EndpointRef): Map<string, EndpointSpec> {
    const key = endpointKey(ref);
    let applied = this.#applied.get(key);
    if (applied === undefined) {
      applied = new Map();
      this.#applied.set(key, applied);
    }
    return applied;
  }
}

/** Tells whether the replicas of an organization are limited. */
const hasLimits = ({ limits: { replicas, cpuMillis, memoryBytes } }: ServedEndpoint["org"]) =>
  [replicas, cpuMillis, memoryBytes].some(Number.isFinite);
