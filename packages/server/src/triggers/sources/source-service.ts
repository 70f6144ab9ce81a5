import { type EndpointRef, endpointKey, formatSource, type Logger, type Source, type SourceView } from "@faas/core";
import { queueStreamOf } from "../../queue/nats/queue-url.ts";
import { type EndpointRecord, servingRevision } from "../../state/records.ts";
import type { Store } from "../../state/store.ts";
import type { ConsumerList } from "./consumer-list.ts";
import type { NatsSources } from "./nats-sources.ts";
import { sourceKey } from "./source-names.ts";
import { checkSourcesAllowed } from "./source-policy.ts";
import type { SourceRunner } from "./source-runner.ts";

export interface SourceServiceOptions {
  readonly store: Pick<Store, "org" | "endpoint" | "endpoints" | "subscribe">;
  readonly consumers: ConsumerList;
  /** Connects to NATS. Loaded when the first source needs it. */
  readonly load: () => Promise<NatsSources>;
  /** Absent: the queue is not on NATS. */
  readonly queueUrl?: string | undefined;
  readonly onRemoved: (ref: EndpointRef) => void;
  readonly log: Logger;
}

/** A source of a serving revision. */
interface Entry {
  source: Source;
  /** Why it is not received; undefined for one that is. */
  readonly problem?: string;
  runner?: SourceRunner;
}

/** Pause after consumers could not be removed. */
const RETRY_MS = 30_000;

/** Sources: receives those of the serving revisions, and removes what they have left on NATS when they are removed. */
export class SourceService implements AsyncDisposable {
  readonly #options: SourceServiceOptions;
  readonly #queueStream: string | undefined;
  /** Sources by their keys, of each endpoint that has some. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  #nats: NatsSources | undefined;
  #loading: Promise<NatsSources | undefined> | undefined;
  /** Changes are applied one at a time. */
  #applied: Promise<void> = Promise.resolve();
  #retryTimer: NodeJS.Timeout | undefined;
  #stopListening = () => {};
  #isDisposed = false;

  constructor(options: SourceServiceOptions) {
    this.#options = options;
    this.#queueStream = queueStreamOf(options.queueUrl);
  }

  /** Begins to receive the sources of all endpoints. */
  start(): void {
    const { store, consumers } = this.#options;
    for (const [ref, record] of store.endpoints()) this.#follow(ref, record);
    this.#stopListening = store.subscribe(({ record, ...change }) => {
      if (!("org" in change) || change.org === undefined) return;
      const { org, endpoint } = change;
      if (endpoint === undefined) this.#limitsChanged(org);
      else {
        if (record === null) this.#options.onRemoved({ org, endpoint });
        this.#follow({ org, endpoint }, record as EndpointRecord | null);
      }
    });
    if (consumers.all().length > 0) this.#apply(() => this.#removeUnused());
  }

  /** Returns the states of the sources of an endpoint; undefined if it has none. */
  views(ref: EndpointRef): SourceView[] | undefined {
    const entries = this.#entries.get(endpointKey(ref));
    return entries && Array.from(entries.values(), (entry) => this.#view(ref, entry));
  }

  /** Receives no more messages, and finishes those that are being stored. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#stopListening();
    clearTimeout(this.#retryTimer);
    const runners = [...this.#entries.values()].flatMap((entries) => [...entries.values()]).map(({ runner }) => runner);
    await Promise.all(runners.map((runner) => runner?.[Symbol.asyncDispose]()));
    await this.#nats?.[Symbol.asyncDispose]();
    await this.#applied;
    await this.#nats?.[Symbol.asyncDispose]();
  }

  #view(ref: EndpointRef, { source, problem, runner }: Entry): SourceView {
    const consumer = source.stream === undefined ? undefined : this.#nats?.consumerName(ref, source);
    return {
      source: formatSource(source),
      active: false,
      ...(consumer === undefined ? {} : { consumer }),
      ...(problem === undefined ? {} : { problem }),
      ...runner?.state(),
    };
  }

  #limitsChanged(org: string): void {
    const { store } = this.#options;
    for (const key of this.#entries.keys()) {
      if (!key.startsWith(`${org}/`)) continue;
      const ref = { org, endpoint: key.slice(org.length + 1) };
      this.#follow(ref, store.endpoint(ref) ?? null);
    }
  }

  /** Takes over the sources of an endpoint's serving revision. */
  #follow(ref: EndpointRef, record: EndpointRecord | null): void {
    const key = endpointKey(ref);
    const sources = (record && servingRevision(record).settings.sources) ?? [];
    const before = this.#entries.get(key);
    if (sources.length === 0 && before === undefined) return;
    const after = new Map<string, Entry>();
    for (const source of sources) {
      const id = sourceKey({ ref, source });
      const problem = this.#problemOf(ref, source);
      const kept = before?.get(id);
      if (kept && kept.problem === problem && kept.source.order === source.order) {
        kept.source = source;
        if (kept.runner) kept.runner.source = source;
        after.set(id, kept);
      } else after.set(id, this.#newEntry(ref, source, problem));
    }
    if (after.size > 0) this.#entries.set(key, after);
    else this.#entries.delete(key);
    const removed = [...(before ?? [])].flatMap(([id, entry]) => (after.get(id) === entry ? [] : [entry]));
    if (removed.length === 0 && [...after.values()].every(({ runner, problem }) => runner || problem)) return;
    this.#apply(() => this.#change(ref, removed, after));
  }

  #newEntry(ref: EndpointRef, source: Source, problem: string | undefined): Entry {
    if (problem === undefined) return { source };
    this.#options.log.warn({ ...ref, source: formatSource(source), problem }, "a source is inactive");
    return { source, problem };
  }

  #problemOf(ref: EndpointRef, source: Source): string | undefined {
    const patterns = this.#options.store.org(ref.org)?.limits?.natsSubjects;
    try {
      checkSourcesAllowed(ref, { sources: [source] }, patterns, this.#queueStream);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #apply(change: () => Promise<void>): void {
    this.#applied = this.#applied.then(change).catch((err) => {
      this.#options.log.error({ err }, "failed to change the sources");
    });
  }

  async #change(ref: EndpointRef, removed: readonly Entry[], entries: ReadonlyMap<string, Entry>): Promise<void> {
    await Promise.all(removed.map(({ runner }) => runner?.[Symbol.asyncDispose]()));
    for (const [id, entry] of entries) {
      if (entry.problem !== undefined || entry.runner) continue;
      const nats = await this.#load();
      // A later change may have removed it.
      if (this.#isDisposed || this.#entries.get(endpointKey(ref))?.get(id) !== entry) continue;
      const allowed = () => this.#options.store.org(ref.org)?.limits?.natsSubjects ?? [];
      if (nats) entry.runner = nats.start(ref, entry.source, allowed);
    }
    if (removed.some(({ source }) => source.stream !== undefined)) await this.#removeUnused();
  }

  /** Loads what receives sources. Undefined where the queue is not on NATS. */
  #load(): Promise<NatsSources | undefined> {
    this.#loading ??= this.#options.queueUrl === undefined ? Promise.resolve(undefined) : this.#options.load();
    return this.#loading.then((nats) => (this.#nats = nats));
  }

  async #removeUnused(): Promise<void> {
    const nats = await this.#load();
    if (nats === undefined || this.#isDisposed) return;
    const used = new Set(this.#consumersInUse(nats));
    const isDone = await nats.removeUnused(({ consumer }) => used.has(consumer));
    clearTimeout(this.#retryTimer);
    if (isDone || this.#isDisposed) return;
    this.#retryTimer = setTimeout(() => this.#apply(() => this.#removeUnused()), RETRY_MS).unref();
  }

  /** Also of sources that are not allowed at the moment: they keep their positions. */
  *#consumersInUse(nats: NatsSources): Generator<string> {
    for (const [key, entries] of this.#entries) {
      const [org = "", endpoint = ""] = key.split("/");
      for (const { source } of entries.values())
        if (source.stream !== undefined) yield nats.consumerName({ org, endpoint }, source);
    }
  }
}
