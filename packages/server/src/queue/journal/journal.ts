import { FaasError, type Logger } from "@faas/core";
import { isStorageFull } from "../../state/fsync.ts";
import { FRAME_HEAD_BYTES } from "./frame-format.ts";
import { createSegment, type Segment } from "./segment.ts";

/** Records wait for the next frame beyond this size, so that a frame and its copy in memory stay small. */
const MAX_FRAME_BYTES = 8 * 2 ** 20;

/** Called when a record is on disk, in the order of the records, with its place. */
export type OnWritten = (segment: Segment, offset: number) => void;

export interface JournalOptions {
  readonly folder: string;
  /** A new segment begins when the present one has this size. */
  readonly segmentBytes: number;
  /** Rejects when another server holds the lock of the folder. Called before and after every write. */
  readonly assertLockHeld: () => Promise<void>;
  readonly log?: Logger | undefined;
}

/** Largest numbers so far, for the header of a segment. */
export interface HighWater {
  readonly sequence: number;
  readonly lastId: string;
}

/** Journal as it is on disk. */
export interface OpenSegments {
  /** Segments in use, the oldest first. */
  readonly segments: readonly Segment[];
  /** Largest number of a segment so far. */
  readonly number: number;
}

/**
 * Segment files that are written in groups: all records that arrive during a write are one frame, one write and one fdatasync. Each process begins
 * a segment of its own, whose header says how long the earlier ones are; what another process, or a failed write, left behind that is not read.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #highWater: () => HighWater;
  readonly #onWritten: () => void;
  /** Segments in use by number, the oldest first. */
  readonly segments = new Map<number, Segment>();
  /** Segment that is written to; absent before the first write, and after one that failed. */
  #current: Segment | undefined;
  #number: number;
  #batches: Batch[] = [];
  #running: Promise<void> | undefined;
  #isClosed = false;
  /** Bytes of all segments. */
  bytes = 0;

  /** `onWritten` is called after each write. */
  constructor(options: JournalOptions, found: OpenSegments, highWater: () => HighWater, onWritten: () => void) {
    this.#options = options;
    this.#highWater = highWater;
    this.#onWritten = onWritten;
    this.#number = found.number;
    for (const segment of found.segments) this.#keep(segment);
  }

  /**
   * Adds a record to the next write. Resolves when it is on disk.
   *
   * @throws QUEUE_FAILED
   */
  append(record: Buffer, onWritten?: OnWritten): Promise<void> {
    if (this.#isClosed) return Promise.reject(new FaasError("QUEUE_FAILED", "The queue is closed"));
    let batch = this.#batches.at(-1);
    if (!batch || batch.bytes + record.length > MAX_FRAME_BYTES) {
      batch = new Batch();
      this.#batches.push(batch);
    }
    batch.add(record, onWritten);
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return batch.written;
  }

  /** Waits for all writes so far. */
  async flush(): Promise<void> {
    await this.#running;
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** True for the segment that is written to. */
  isCurrent(segment: Segment): boolean {
    return segment === this.#current;
  }

  /** Removes a segment from those in use, when the record about it is on disk. */
  release(segment: Segment): void {
    if (this.segments.delete(segment.number)) this.bytes -= segment.bytes;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    for (const segment of this.segments.values()) await segment.close();
    this.segments.clear();
  }

  async #run(): Promise<void> {
    while (this.#batches.length > 0) {
      // Callers whose record was just written get a turn: their next ones are in this write, not in the one after.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#batches.shift() as Batch;
      try {
        const { segment, start } = await this.#write(batch.records);
        batch.succeed(segment, start);
      } catch (error) {
        batch.fail(this.#failed(error));
      }
      this.#onWritten();
    }
  }

  async #write(records: readonly Buffer[]): Promise<{ readonly segment: Segment; readonly start: number }> {
    const current = this.#current;
    if (!current || current.bytes >= this.#options.segmentBytes) return this.#startSegment(records);
    await this.#options.assertLockHeld();
    try {
      const before = current.bytes;
      const start = await current.append(records);
      // Asserted again: a server that took the folder over meanwhile may have read the segment before this frame was in it.
      await this.#options.assertLockHeld();
      current.accept(FRAME_HEAD_BYTES + records.reduce((sum, { length }) => sum + length, 0));
      this.bytes += current.bytes - before;
      current.zeroAhead(this.#options.segmentBytes);
      return { segment: current, start };
    } catch (error) {
      // Not cut: another server may have read the frame. The header of the next segment excludes it.
      this.#current = undefined;
      throw error;
    }
  }

  async #startSegment(records: readonly Buffer[]): Promise<{ readonly segment: Segment; readonly start: number }> {
    const { folder, assertLockHeld } = this.#options;
    await assertLockHeld();
    this.#current = undefined;
    const number = ++this.#number;
    const earlier = [...this.segments.values()].map(({ number, bytes }) => [number, bytes] as const);
    const created = await createSegment(folder, { number, ...this.#highWater(), earlier }, records, assertLockHeld);
    await assertLockHeld().catch(async (error) => {
      await created.segment.close();
      throw error;
    });
    this.#current = created.segment;
    this.#keep(created.segment);
    return created;
  }

  #keep(segment: Segment): void {
    this.segments.set(segment.number, segment);
    this.bytes += segment.bytes;
  }

  #failed(cause: unknown): FaasError {
    this.#options.log?.warn({ err: cause }, "failed to write to the queue");
    const reason = isStorageFull(cause) ? "the disk is full" : (cause as Error).message;
    return new FaasError(
      "QUEUE_FAILED",
      `The change of the queue could not be stored: ${reason}. It may or may not be found later: repeat it, with the same Idempotency-Key`,
      { cause },
    );
  }
}

/** Records of one write. */
class Batch {
  readonly records: Buffer[] = [];
  readonly written: Promise<void>;
  readonly #listeners: (OnWritten | undefined)[] = [];
  readonly #resolve: () => void;
  readonly #reject: (error: FaasError) => void;
  bytes = 0;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.written = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    // Some records are written without a caller that waits.
    promise.catch(() => {});
  }

  add(record: Buffer, onWritten: OnWritten | undefined): void {
    this.records.push(record);
    this.#listeners.push(onWritten);
    this.bytes += record.length;
  }

  succeed(segment: Segment, start: number): void {
    let offset = start;
    for (const [index, record] of this.records.entries()) {
      this.#listeners[index]?.(segment, offset);
      offset += record.length;
    }
    this.#resolve();
  }

  fail(error: FaasError): void {
    this.#reject(error);
  }
}
