import {
  type EndedReplica,
  type EndpointRef,
  type EndpointSpec,
  endpointKey,
  type Logger,
  variantRef,
} from "@faas/core";
import type { EndpointRegistry, ServedEndpoint } from "@faas/gateway";
import type { KeyedMutex } from "../lib/keyed-mutex.ts";
import { candidateRevision, type EndpointRecord } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import type { TrafficService } from "../variants/traffic-service.ts";
import { CallSample } from "./call-sample.ts";
import type { CanaryCalls } from "./canary-calls.ts";
import type { CanaryRecord } from "./canary-fields.ts";
import { activeCanary, withCanaryEnded, withSeen, withStep } from "./canary-record.ts";
import { decide } from "./decision.ts";
import { reasonFor, type StepSamples } from "./reasons.ts";

/** Parts of the server that every canary works with. */
export interface CanaryContext {
  readonly store: Pick<Store, "endpoint" | "changeEndpoint">;
  readonly registry: Pick<EndpointRegistry<EndpointSpec>, "get" | "wake">;
  readonly traffic: Pick<TrafficService, "changeLocked">;
  readonly calls: CanaryCalls;
  /** Serializes the changes of one endpoint. */
  readonly mutex: KeyedMutex;
  readonly log: Logger;
}

export interface FollowedCanaryContext extends CanaryContext {
  /** Makes the new revision serve. */
  promote(): Promise<void>;
}

/** Longest time for which calls are not counted because replicas for a larger share are starting. */
const SETTLE_MS = 30_000;
/** Time between two writes of the counts. A restart loses at most the calls of this time, of both revisions alike. */
const WRITE_MS = 10_000;
/** Time after which a change that failed is tried again. */
const RETRY_MS = 5_000;

/** A canary during one of its steps: counts the calls, and carries out what they decide. */
export class FollowedCanary implements Disposable {
  readonly #ref: EndpointRef;
  readonly #canary: CanaryRecord;
  readonly #context: FollowedCanaryContext;
  /** Undefined until replicas for the share are ready. */
  #samples: StepSamples | undefined;
  /** Replicas that had ended before. */
  readonly #ended: ReadonlySet<string>;
  #isBusy = false;
  #writtenMs = Date.now();
  #retryMs = 0;

  constructor(ref: EndpointRef, canary: CanaryRecord, context: FollowedCanaryContext) {
    this.#ref = ref;
    this.#canary = canary;
    this.#context = context;
    const { ended = [] } = context.registry.get(this.#variantKey)?.status ?? {};
    this.#ended = new Set(ended.map(({ id }) => id));
  }

  [Symbol.dispose](): void {
    const { calls } = this.#context;
    calls.count(this.#variantKey, undefined);
    calls.count(endpointKey(this.#ref), undefined);
  }

  /** Calls of the step. Undefined until replicas for the share are ready. */
  get samples(): StepSamples | undefined {
    return this.#samples;
  }

  /** Tells whether this is the canary, in the same step. */
  isFor({ revision, stepAt }: CanaryRecord): boolean {
    return revision === this.#canary.revision && stepAt === this.#canary.stepAt;
  }

  /** Takes the present counts and replicas into account. */
  async look(): Promise<void> {
    if (this.#isBusy || Date.now() < this.#retryMs) return;
    this.#isBusy = true;
    try {
      await this.#look();
    } catch (err) {
      this.#retryMs = Date.now() + RETRY_MS;
      this.#context.log.warn({ err, ...this.#ref }, "failed to continue a canary, will retry");
    } finally {
      this.#isBusy = false;
    }
  }

  /** Writes what was counted. */
  async save(): Promise<void> {
    try {
      if (this.#samples) await this.#write(this.#samples, true);
    } catch (err) {
      this.#context.log.warn({ err, ...this.#ref }, "failed to write the calls of a canary: some are not compared");
    }
  }

  get #variantKey(): string {
    return endpointKey(variantRef(this.#ref, this.#canary.revision));
  }

  async #look(): Promise<void> {
    const { store, registry } = this.#context;
    const record = store.endpoint(this.#ref);
    const canary = record && activeCanary(record);
    if (!record || !canary || !this.isFor(canary)) return;
    if (canary.state === "promoting") return this.#followPromotion(record);
    const variant = registry.get(this.#variantKey);
    if (variant === undefined) return;
    const failure = this.#failureOf(variant);
    if (failure !== undefined) return this.#goBack(failure);
    if (canary.state === "starting") await this.#start(variant);
    else await this.#compare(variant);
  }

  /** Gives the revision its first share when its first replica is ready. */
  async #start(variant: ServedEndpoint<EndpointSpec>): Promise<void> {
    if (variant.replicas.length > 0) return this.#enter(0);
    if (this.#elapsedMs >= this.#canary.plan.timeoutMs) return this.#goBack("no replica of it became ready in time");
    // After a restart nobody else asks for it.
    if (variant.desired === 0) this.#context.registry.wake(variant);
  }

  async #compare(variant: ServedEndpoint<EndpointSpec>): Promise<void> {
    const { plan, step, base } = this.#canary;
    const samples = this.#samples ?? this.#beginCounting(variant);
    if (samples === undefined) return;
    const decision = decide({ elapsedMs: this.#elapsedMs, ...samples }, plan);
    if (decision.action === "back") await this.#goBack(reasonFor(decision.cause, samples, plan, base), samples);
    else if (decision.action === "wait") await this.#write(samples);
    else if (plan.steps[step + 1] === 100) {
      await this.#write(samples, true);
      await this.#context.promote();
    } else await this.#enter(step + 1);
  }

  /** Counts from now on, if the revision has the replicas that its share needs: calls that wait for them say nothing about the revision. */
  #beginCounting({ replicas, desired }: ServedEndpoint<EndpointSpec>): StepSamples | undefined {
    if (replicas.length < desired && this.#elapsedMs < SETTLE_MS) return undefined;
    const { calls } = this.#context;
    const { seen } = this.#canary;
    const samples = { canary: CallSample.from(seen?.canary), base: CallSample.from(seen?.base) };
    calls.count(this.#variantKey, samples.canary);
    calls.count(endpointKey(this.#ref), samples.base);
    this.#samples = samples;
    return samples;
  }

  /** Returns why the revision cannot run; undefined if it can. A replica that something outside of it killed does not count. */
  #failureOf(variant: ServedEndpoint<EndpointSpec>): string | undefined {
    const failure = variant.failure();
    if (failure) return `${failure.code}: ${failure.message}`;
    const { ended = [] } = variant.status ?? {};
    const isOwn = ({ id, revision }: EndedReplica) => revision === this.#canary.revision && !this.#ended.has(id);
    const died = ended.find((each) => !each.killed && isOwn(each));
    return died && `a replica of it ended, ${died.code}: ${died.detail}`;
  }

  /** Takes the outcome of the rollout into account. Its success is in the record. */
  async #followPromotion(record: EndpointRecord): Promise<void> {
    if (candidateRevision(record)?.id === this.#canary.revision) return;
    const { failure } = record;
    await this.#goBack(
      failure ? `${failure.code}: ${failure.detail}` : "it did not become ready as the serving revision",
    );
  }

  get #elapsedMs(): number {
    return Date.now() - Date.parse(this.#canary.stepAt);
  }

  async #enter(step: number): Promise<void> {
    const { revision, plan } = this.#canary;
    await this.#change((record) => withStep(record, step, new Date().toISOString()));
    this.#context.log.info(
      { ...this.#ref, revision, share: plan.steps[step] },
      "canary: the share of calls was raised",
    );
  }

  async #goBack(reason: string, samples?: StepSamples): Promise<void> {
    const { revision } = this.#canary;
    await this.#change((record) => {
      const seen = samples ? withSeen(record, this.#canary, recordOf(samples)) : record;
      return withCanaryEnded(seen, "rolled-back", reason, new Date().toISOString());
    });
    this.#context.log.warn({ ...this.#ref, revision, reason }, "canary: all calls go back to the previous revision");
  }

  async #change(next: (record: EndpointRecord) => EndpointRecord): Promise<void> {
    const { mutex, traffic, store } = this.#context;
    const isSame = (record: EndpointRecord | undefined) => {
      const canary = record && activeCanary(record);
      return canary !== undefined && this.isFor(canary);
    };
    await mutex.run(endpointKey(this.#ref), async () => {
      // Another change may have replaced it.
      if (!isSame(store.endpoint(this.#ref))) return;
      await traffic.changeLocked(this.#ref, (record) => (isSame(record) ? next(record) : record));
    });
  }

  async #write(samples: StepSamples, isUrgent = false): Promise<void> {
    if (!isUrgent && Date.now() - this.#writtenMs < WRITE_MS) return;
    this.#writtenMs = Date.now();
    const seen = recordOf(samples);
    const { store } = this.#context;
    await store.changeEndpoint(this.#ref, (record) => record && withSeen(record, this.#canary, seen));
  }
}

const recordOf = ({ canary, base }: StepSamples) => ({ canary: canary.toRecord(), base: base.toRecord() });
