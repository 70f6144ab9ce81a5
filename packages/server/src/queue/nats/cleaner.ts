import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "@faas/core";
import type { Connection } from "./connection.ts";

/** Messages that are removed at a time. */
const BATCH = 256;
const RETRY_MS = 1_000;

/** Messages to remove from the stream, some after others. */
interface Job {
  /** Removes all messages of a subject before a sequence, before the phases. */
  readonly purge?: { readonly filter: string; readonly seq: number };
  /** Sequences. Those of a phase are removed when those of the phase before, and of all earlier jobs, are gone. */
  readonly phases: readonly (readonly number[])[];
}

/** Message whose time has come. */
export interface ExpiredMessage {
  readonly sequence: number;
  /** Sequences of its records in the stream. */
  readonly records: readonly number[];
}

/**
 * Removes from the stream what is no longer needed, in the background. What a crash leaves behind is found by the next start, because a record that makes
 * others superfluous is removed after them.
 */
export class Cleaner {
  readonly #connection: Connection;
  readonly #storeRemoved: (sequences: readonly number[]) => Promise<number>;
  readonly #log: Logger | undefined;
  readonly #jobs: Job[] = [];
  readonly #expired: ExpiredMessage[] = [];
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  /** `storeRemoved` stores a record that messages were removed, and resolves to its sequence in the stream. */
  constructor(
    connection: Connection,
    storeRemoved: (sequences: readonly number[]) => Promise<number>,
    log: Logger | undefined,
  ) {
    this.#connection = connection;
    this.#storeRemoved = storeRemoved;
    this.#log = log;
  }

  /** Removes records, each phase after the previous one. */
  remove(...phases: (readonly number[])[]): void {
    const batches = phases.flatMap(batchesOf);
    if (batches.length > 0) this.#add({ phases: batches });
  }

  /** Removes all records of a subject before a sequence, and then the record with this sequence. */
  purge(filter: string, seq: number): void {
    this.#add({ purge: { filter, seq }, phases: [[seq]] });
  }

  /** Removes messages whose time has come, after a record about it: another server may have taken over and replayed them. */
  expire(message: ExpiredMessage): void {
    this.#expired.push(message);
    this.#start();
  }

  /** Stops after the removals in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  #add(job: Job): void {
    this.#jobs.push(job);
    this.#start();
  }

  #start(): void {
    if (this.#stopping.signal.aborted) return;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  async #run(): Promise<void> {
    // A turn of the event loop: messages that expire together are one batch.
    await delay(1);
    while ((this.#jobs.length > 0 || this.#expired.length > 0) && !this.#stopping.signal.aborted) {
      try {
        await this.#connection.connected;
        await this.#storeExpired();
        await this.#runBatch();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#log?.warn({ err: error }, "failed to clean up the queue, will retry");
        await delay(RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => {});
      }
    }
  }

  async #storeExpired(): Promise<void> {
    const expired = this.#expired.splice(0, BATCH);
    if (expired.length === 0) return;
    const record = await this.#storeRemoved(expired.map(({ sequence }) => sequence));
    this.remove(
      expired.flatMap(({ records }) => records),
      [record],
    );
  }

  async #runBatch(): Promise<void> {
    let count = 0;
    let size = 0;
    while (count < this.#jobs.length && size < BATCH) size += this.#jobs[count++]?.phases[0]?.length ?? 0;
    const jobs = this.#jobs.slice(0, count);
    const { manager, url } = this.#connection;
    for (const { purge } of jobs) if (purge) await manager.streams.purge(url.stream, purge);
    // A purge has no first phase of its own: its record goes in the next batch.
    const first = jobs.flatMap(({ purge, phases }) => (purge ? [] : (phases[0] ?? [])));
    await Promise.all(first.map((sequence) => this.#delete(sequence)));
    const rest = jobs
      .map(({ purge, phases }) => ({ phases: purge ? phases : phases.slice(1) }))
      .filter(({ phases }) => phases.length > 0);
    // Before other jobs: these may remove what makes the rest superfluous.
    this.#jobs.splice(0, count, ...rest);
  }

  async #delete(sequence: number): Promise<void> {
    const { manager, url } = this.#connection;
    try {
      await manager.streams.deleteMessage(url.stream, sequence, false);
    } catch (error) {
      // Already removed: by a purge, or before a failure.
      if (!isMissing(error as Error & { code?: number })) throw error;
    }
  }
}

const isMissing = ({ name, code }: Error & { code?: number }): boolean =>
  name === "JetStreamApiError" && (code === 10_043 || code === 10_057 || code === 10_037);

const batchesOf = (sequences: readonly number[]): number[][] =>
  Array.from({ length: Math.ceil(sequences.length / BATCH) }, (_, index) =>
    sequences.slice(index * BATCH, (index + 1) * BATCH),
  );
