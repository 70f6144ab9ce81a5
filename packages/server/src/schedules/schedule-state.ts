import { open, stat } from "node:fs/promises";
import { type EndpointRef, endpointKey, type Logger, type SkipReason } from "@faas/core";
import { readIfExists } from "../lib/read-if-exists.ts";
import { AppendFile } from "../state/append-file.ts";
import { replaceFile } from "../state/atomic-file.ts";

/** Outcome of a time at which a schedule was due. */
export type RunOutcome =
  | { readonly dueMs: number; readonly call: string; readonly isManual?: true }
  | { readonly dueMs: number; readonly reason: SkipReason; readonly detail?: string };

/** State of a schedule that outlives the server. */
export interface ScheduleEntry {
  /** Expression, time zone and whether it is enabled: with another value the schedule starts again. */
  readonly times: string;
  /** All times until this one are decided, in milliseconds since the epoch. */
  readonly lastMs: number;
  /** Call of the last run. */
  readonly call?: string;
  /** The last ones, the oldest first. */
  readonly outcomes: readonly RunOutcome[];
}

/** Line of the file: a change of one schedule. Its outcomes are added to those of the lines before. */
interface Line extends Partial<ScheduleEntry> {
  readonly endpoint: string;
  readonly name: string;
}

export interface ScheduleStateOptions {
  readonly file: string;
  /** Rejects when another server holds the lock of the folder. */
  readonly assertLockHeld: () => Promise<void>;
  readonly log: Logger;
  /** Size from which the file is written again without what is outdated. @defaultValue 1 MiB */
  readonly minCompactionBytes?: number;
}

/** Outcomes that are kept of each schedule. */
export const OUTCOMES_MAX = 20;
const LINES_PER_WRITE = 200;

/**
 * State of all schedules: in memory, and in a file of the data folder to which changes are appended. Changes that arrive during a write share the next
 * one. A change that cannot be written is written with the next one: without it, a run is decided again, and its idempotency key prevents a second call.
 */
export class ScheduleState implements AsyncDisposable {
  readonly #options: ScheduleStateOptions;
  readonly #entries: Map<string, Map<string, ScheduleEntry>>;
  #file: AppendFile;
  #snapshotBytes: number;
  /** Lines to be written. */
  #pending: string[] = [];
  #writing: Promise<void> | undefined;
  /** True if there was no file: nothing is known about schedules that were registered before. */
  readonly isNew: boolean;

  private constructor(
    options: ScheduleStateOptions,
    entries: Map<string, Map<string, ScheduleEntry>>,
    file: AppendFile,
    isNew: boolean,
  ) {
    this.#options = options;
    this.#entries = entries;
    this.#file = file;
    this.#snapshotBytes = file.bytes;
    this.isNew = isNew;
  }

  /** Reads the state of the data folder. Lines that cannot be read are left out, and reported. */
  static async open(options: ScheduleStateOptions): Promise<ScheduleState> {
    const { file, log } = options;
    const text = await readIfExists(file);
    const { entries, lines, damaged } = readLines(text);
    if (damaged > 0) log.warn({ file, lines: damaged }, "some lines about schedules could not be read");
    const count = [...entries.values()].reduce((sum, each) => sum + each.size, 0);
    const isCompact = damaged === 0 && lines <= count && text.endsWith("\n");
    const appended = isCompact
      ? new AppendFile(await open(file, "a", 0o600), (await stat(file)).size)
      : await writeSnapshot(options, entries);
    return new ScheduleState(options, entries, appended, text === "");
  }

  get(ref: EndpointRef, name: string): ScheduleEntry | undefined {
    return this.#entries.get(endpointKey(ref))?.get(name);
  }

  /** Returns the names of the schedules of an endpoint. */
  names(ref: EndpointRef): readonly string[] {
    return [...(this.#entries.get(endpointKey(ref))?.keys() ?? [])];
  }

  /** Returns the keys of the endpoints that have schedules. */
  endpoints(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Changes a schedule, and adds outcomes to it. */
  set(
    ref: EndpointRef,
    name: string,
    entry: Omit<ScheduleEntry, "outcomes">,
    added: readonly RunOutcome[],
  ): ScheduleEntry {
    const line = { endpoint: endpointKey(ref), name, ...entry, outcomes: added };
    const changed = apply(this.#entries, line) as ScheduleEntry;
    this.#write(line);
    return changed;
  }

  remove(ref: EndpointRef, name: string): void {
    if (this.get(ref, name) === undefined) return;
    const line = { endpoint: endpointKey(ref), name };
    apply(this.#entries, line);
    this.#write(line);
  }

  /** Resolves when all changes are on disk, or could not be written. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
    await this.#file.close();
  }

  #write(line: Line): void {
    this.#pending.push(formatLine(line));
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // One microtask later, so that changes made together are written together.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      this.#pending = [];
      try {
        await this.#append(lines);
      } catch (err) {
        this.#pending = [...lines, ...this.#pending];
        this.#options.log.error({ err }, "the state of schedules could not be written, will retry with the next run");
        break;
      }
    }
    this.#writing = undefined;
  }

  async #append(lines: readonly string[]): Promise<void> {
    const { assertLockHeld, minCompactionBytes = 2 ** 20 } = this.#options;
    if (this.#file.broken || this.#file.bytes > Math.max(minCompactionBytes, 3 * this.#snapshotBytes)) {
      const compacted = await writeSnapshot(this.#options, this.#entries);
      await this.#file.close();
      this.#file = compacted;
      this.#snapshotBytes = compacted.bytes;
      // The snapshot has these changes.
      return;
    }
    await assertLockHeld();
    await this.#file.append(lines.join(""), assertLockHeld);
  }
}

/** First line, by which a file without schedules differs from none. */
const HEADER = { version: 1 };

const formatLine = (line: Line | typeof HEADER) => `${JSON.stringify(line)}\n`;

async function writeSnapshot(
  { file, assertLockHeld }: ScheduleStateOptions,
  entries: ReadonlyMap<string, ReadonlyMap<string, ScheduleEntry>>,
): Promise<AppendFile> {
  let bytes = 0;
  const pieces = function* () {
    let lines = [formatLine(HEADER)];
    const piece = () => {
      const text = lines.join("");
      lines = [];
      bytes += Buffer.byteLength(text);
      return text;
    };
    for (const [endpoint, schedules] of entries)
      for (const [name, entry] of schedules)
        if (lines.push(formatLine({ endpoint, name, ...entry })) >= LINES_PER_WRITE) yield piece();
    yield piece();
  };
  const handle = await replaceFile(file, pieces(), assertLockHeld);
  return new AppendFile(handle, bytes);
}

/** Reads the lines of a file. The last one may be incomplete. */
function readLines(text: string) {
  const entries = new Map<string, Map<string, ScheduleEntry>>();
  const lines = text.split("\n").filter((line) => line !== "");
  let damaged = 0;
  for (const line of lines) {
    try {
      const parsed = JSON.parse(line);
      if (parsed.version !== HEADER.version) apply(entries, parsed);
    } catch {
      damaged++;
    }
  }
  return { entries, lines: lines.length - 1, damaged };
}

/** Applies a line to the entries, and returns the new one; undefined if the line removes it. */
function apply(entries: Map<string, Map<string, ScheduleEntry>>, line: Line): ScheduleEntry | undefined {
  const { endpoint, name, times, lastMs, call, outcomes = [] } = line;
  if (typeof endpoint !== "string" || typeof name !== "string") throw new TypeError("Expected an endpoint and a name");
  const schedules = entries.get(endpoint) ?? new Map<string, ScheduleEntry>();
  if (times === undefined || lastMs === undefined) {
    schedules.delete(name);
    if (schedules.size === 0) entries.delete(endpoint);
    return undefined;
  }
  const before = schedules.get(name)?.outcomes ?? [];
  const entry = {
    ...{ times, lastMs },
    ...(call === undefined ? {} : { call }),
    // A snapshot has changes whose lines come after it.
    outcomes: [...before, ...outcomes.filter((each) => !before.some((other) => isSame(each, other)))].slice(
      -OUTCOMES_MAX,
    ),
  };
  entries.set(endpoint, schedules.set(name, entry));
  return entry;
}

const isSame = (a: RunOutcome, b: RunOutcome) =>
  a.dueMs === b.dueMs && ("call" in a ? a.call : a.reason) === ("call" in b ? b.call : b.reason);
