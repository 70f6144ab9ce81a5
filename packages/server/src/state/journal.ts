import { randomUUID } from "node:crypto";
import { FaasError } from "@faas/core";
import { AppendFile } from "./append-file.ts";
import { replaceFile } from "./atomic-file.ts";
import { formatEntry, formatHeader } from "./journal-format.ts";
import type { Change } from "./records.ts";
import type { StateOnDisk } from "./recovery.ts";
import { formatSnapshot, journalOf } from "./snapshot-format.ts";
import type { State } from "./state.ts";

/** A smaller journal, or one smaller than the last snapshot, is not compacted: a change then costs at most twice what it writes. */
const MIN_COMPACTION_BYTES = 2 ** 20;
/** A journal is compacted at least this often: the backup is the state before the last snapshot. */
const COMPACT_EVERY_MS = 600_000;
const RETRY_MS = 60_000;

export interface JournalOptions {
  /** Rejects when another server holds the lock of the folder. Called before every write, which then fails as it does, and after it. */
  readonly assertLockHeld?: () => Promise<void>;
  /** Called when the journal could not be compacted; will be retried. */
  readonly onCompactionFailed?: (error: unknown) => void;
  /**
   * Size from which the journal is compacted.
   *
   * @defaultValue 1 MiB
   */
  readonly minCompactionBytes?: number;
}

/** Snapshot that is being written, or was written while the journal of the previous one is still in use. */
interface Compaction {
  /** Number of the last change in the snapshot. */
  readonly sequence: number;
  /** Entries written since. */
  readonly lines: string[];
  isSnapshotWritten: boolean;
}

/**
 * `state.json` and `state.journal` of a running server (docs/decisions/0013-state-journal.md): makes changes durable, applies them to the state, and
 * compacts the journal into a new snapshot while changes continue. One call at a time.
 */
export class Journal {
  readonly #file: string;
  readonly #state: State;
  readonly #options: JournalOptions;
  readonly #assertLockHeld: () => Promise<void>;
  readonly #onCompactable: () => void;
  #id: string | undefined;
  /** Number of the last write. */
  #sequence: number;
  #snapshotBytes: number;
  #snapshotMs = Date.now();
  /** Absent before the first change, and when the end of the file is unknown. */
  #journal: AppendFile | undefined;
  #compaction: Compaction | undefined;
  #snapshotting: Promise<void> | undefined;
  #retryMs = 0;
  #closed = false;

  /** `onCompactable` is called when `isCompactable` becomes true. */
  constructor(file: string, onDisk: StateOnDisk, options: JournalOptions, onCompactable: () => void) {
    this.#file = file;
    this.#state = onDisk.state;
    this.#id = onDisk.id;
    this.#sequence = onDisk.sequence;
    this.#snapshotBytes = onDisk.bytes;
    this.#options = options;
    this.#assertLockHeld = options.assertLockHeld ?? (async () => {});
    this.#onCompactable = onCompactable;
  }

  /** Writes changes as one entry and applies them to the state; they are on disk when it resolves. A write that fails changes nothing. */
  async write(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const journal = this.#journal ?? (await this.#startJournal());
    const line = formatEntry({ sequence: this.#sequence + 1, changes });
    await this.#assertLockHeld();
    // Asserted again afterwards: a server that took the folder over meanwhile may have read the journal before this entry was in it.
    await journal.append(line, this.#assertLockHeld).catch(async (error) => {
      if (journal.broken) await this.#abandonJournal(error);
      throw error;
    });
    this.#sequence++;
    this.#compaction?.lines.push(line);
    for (const change of changes) this.#state.apply(change);
    if (this.#isCompactionDue(journal))
      this.#snapshotting = this.#snapshot().finally(() => (this.#snapshotting = undefined));
  }

  /** True when a new snapshot has been written and the journal can be replaced. */
  get isCompactable(): boolean {
    return this.#compaction?.isSnapshotWritten === true;
  }

  /** Replaces the journal by one that continues the new snapshot. */
  async finishCompaction(): Promise<void> {
    if (!this.#compaction?.isSnapshotWritten) return;
    const previous = this.#journal;
    const { sequence, lines } = this.#compaction;
    this.#compaction = undefined;
    if (!previous) return;
    try {
      await this.#replaceJournal([formatHeader(this.#id as string, sequence), ...lines].join(""));
      await previous.close();
    } catch (error) {
      this.#compactionFailed(error);
      // The previous journal stays in use, if it is the one that has the name.
      if (!(await previous.isAt(journalOf(this.#file)).catch(() => false))) await this.#dropJournal();
    }
  }

  /** Waits for a snapshot that is being written. */
  async snapshotWritten(): Promise<void> {
    await this.#snapshotting;
  }

  get isSnapshotting(): boolean {
    return this.#snapshotting !== undefined;
  }

  /** Starts no further compaction. */
  stopCompacting(): void {
    this.#closed = true;
  }

  async close(): Promise<void> {
    await this.#journal?.close();
    this.#journal = undefined;
  }

  /**
   * Writes a new snapshot and an empty journal, for the first change of a server and after a write whose outcome is unknown. The snapshot takes the
   * next number: an unacknowledged write of that number at the end of the present journal is then not read again.
   */
  async #startJournal(): Promise<AppendFile> {
    // A snapshot under way would put an older one in place of this one.
    await this.#snapshotting;
    this.#compaction = undefined;
    const id = this.#id ?? randomUUID();
    const sequence = this.#sequence + 1;
    await this.#writeSnapshot(id, sequence);
    this.#id = id;
    this.#sequence = sequence;
    return this.#replaceJournal(formatHeader(id, sequence));
  }

  async #writeSnapshot(id: string, sequence: number): Promise<void> {
    const pieces = formatSnapshot({ state: this.#state, id, sequence });
    const handle = await replaceFile(this.#file, pieces, this.#assertLockHeld);
    this.#snapshotBytes = (await handle.stat().finally(() => handle.close())).size;
    this.#snapshotMs = Date.now();
  }

  async #replaceJournal(text: string): Promise<AppendFile> {
    const handle = await replaceFile(journalOf(this.#file), [text], this.#assertLockHeld);
    this.#journal = new AppendFile(handle, Buffer.byteLength(text));
    return this.#journal;
  }

  #isCompactionDue({ bytes }: AppendFile): boolean {
    if (this.#compaction || this.#closed || Date.now() < this.#retryMs) return false;
    const min = this.#options.minCompactionBytes ?? MIN_COMPACTION_BYTES;
    return bytes > Math.max(min, this.#snapshotBytes) || Date.now() - this.#snapshotMs > COMPACT_EVERY_MS;
  }

  /** Writes a snapshot while changes continue: they go to the previous snapshot's journal until the new journal replaces it. */
  async #snapshot(): Promise<void> {
    const compaction: Compaction = { sequence: this.#sequence, lines: [], isSnapshotWritten: false };
    this.#compaction = compaction;
    try {
      await this.#writeSnapshot(this.#id as string, compaction.sequence);
      compaction.isSnapshotWritten = true;
      this.#onCompactable();
    } catch (error) {
      if (this.#compaction === compaction) this.#compaction = undefined;
      this.#compactionFailed(error);
    }
  }

  /** Leaves a journal whose end may hold an unacknowledged write as a whole: the next server would read it, so a later snapshot is written at once. */
  async #abandonJournal(cause: unknown): Promise<void> {
    await this.#dropJournal();
    await this.#startJournal().catch(() => {
      if (cause instanceof FaasError) throw cause;
      throw new Error(
        `A change of ${this.#file} failed and could not be undone: it may be applied after a restart, unless another change is made before`,
        { cause },
      );
    });
  }

  async #dropJournal(): Promise<void> {
    const journal = this.#journal;
    this.#journal = undefined;
    await journal?.close().catch(() => {});
  }

  #compactionFailed(error: unknown): void {
    this.#retryMs = Date.now() + RETRY_MS;
    this.#options.onCompactionFailed?.(error);
  }
}
