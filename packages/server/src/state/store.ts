import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ReservedResources } from "@faas/core";
import {
  changedLimits,
  type EndpointRef,
  FaasError,
  type KeyRecord,
  type LimitsChange,
  limitsProblem,
} from "@faas/core";
import { AppendFile } from "./append-file.ts";
import { replaceFile, TEMPORARY } from "./atomic-file.ts";
import { isStorageFull } from "./fsync.ts";
import { formatEntry, formatHeader } from "./journal-format.ts";
import { readState } from "./recovery.ts";
import type { SecretRecords } from "./secret-records.ts";
import { formatSnapshot, journalOf } from "./snapshot-format.ts";
import { type EndpointRecord, type OrgFields, type OrgRecord, type State, Transaction } from "./state.ts";

export type { EndpointRecord, OrgRecord } from "./state.ts";

/** The journal is not worth a new snapshot while it is smaller, or smaller than the last snapshot: a change costs what it writes, twice at most. */
const JOURNAL_LEAST_BYTES = 2 ** 20;
/** Unless so much time has gone by: the backup is the state before the last snapshot. */
const SNAPSHOT_EVERY_MS = 600_000;
const RETRY_MS = 60_000;

export interface StoreOptions {
  /** Rejects when another server has the folder: asked before every write, which then fails as it does, and after it. */
  readonly assertLockHeld?: () => Promise<void>;
  /** Told when the journal could not be made smaller; it is tried again. */
  readonly onTrouble?: (error: unknown) => void;
  /** Size from which a journal is made smaller; 1 MiB. */
  readonly journalLeastBytes?: number;
}

interface Waiting {
  readonly make: (draft: Transaction) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What should exist: `state.json` and, in `state.journal`, what was changed since (docs/decisions/0013-state-journal.md). A change
 * resolves when it is on disk; changes that come while one is being written share the next write. A write that fails changes nothing.
 */
export class Store {
  readonly #file: string;
  readonly #options: StoreOptions;
  readonly #mayWrite: () => Promise<void>;
  readonly #state: State;
  #id: string | undefined;
  /** Of the last write. */
  #sequence: number;
  #snapshotBytes: number;
  #snapshotMs = Date.now();
  /** Absent before the first change, and when it is not known how the file ends. */
  #journal: AppendFile | undefined;
  /** What was written since the snapshot that is being made, or was made and still has the journal of the one before. */
  #since: { readonly sequence: number; readonly lines: string[]; done: boolean } | undefined;
  #snapshotting: Promise<void> | undefined;
  #retryMs = 0;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  private constructor(
    file: string,
    { state, id, sequence, bytes }: Awaited<ReturnType<typeof readState>>,
    options: StoreOptions,
  ) {
    this.#file = file;
    this.#state = state;
    this.#id = id;
    this.#sequence = sequence;
    this.#snapshotBytes = bytes;
    this.#options = options;
    this.#mayWrite = options.assertLockHeld ?? (async () => {});
  }

  /** Reads the state of the data folder, or begins with nothing. Rejects with STATE_DAMAGED, and touches nothing then. */
  static async open(dataDir: string, options: StoreOptions = {}): Promise<Store> {
    await mkdir(dataDir, { recursive: true });
    // Before the state is read: a former server that still lives either had its file in place by now, or finds it has nothing to rename.
    for (const name of await readdir(dataDir)) {
      if (name.startsWith("state.") && name.endsWith(TEMPORARY)) await rm(join(dataDir, name), { force: true });
    }
    const file = join(dataDir, "state.json");
    return new Store(file, await readState(file), options);
  }

  /** Names of the organizations. */
  orgs(): IterableIterator<string> {
    return this.#state.names();
  }

  org(name: string): OrgRecord | undefined {
    const fields = this.#state.fields(name);
    const endpoints = this.#state.endpoints(name);
    return fields && endpoints && { ...fields, endpoints };
  }

  /** What all endpoints of an organization are kept together, by their newest settings. */
  kept(org: string): ReservedResources {
    return this.#state.kept(org);
  }

  hasOrg(name: string): boolean {
    return this.#state.fields(name) !== undefined;
  }

  endpoint({ org, endpoint }: EndpointRef): EndpointRecord | undefined {
    return this.#state.endpoints(org)?.get(endpoint);
  }

  *endpoints(): IterableIterator<[EndpointRef, EndpointRecord]> {
    for (const org of this.#state.names()) {
      for (const [endpoint, record] of this.#state.endpoints(org) ?? []) yield [{ org, endpoint }, record];
    }
  }

  /** Makes the organization if it is not there, and changes the limits that are given. INVALID_REQUEST. */
  putOrg(name: string, change: LimitsChange = {}): Promise<void> {
    return this.#change((draft) => {
      const before = draft.fields(name);
      if (before && Object.keys(change).length === 0) return;
      const { limits: former = {}, ...fields } = before ?? newOrg();
      const limits = changedLimits(former, change);
      const problem = limitsProblem(change, limits);
      if (problem) throw new FaasError("INVALID_REQUEST", problem);
      draft.putOrg(name, { ...fields, ...(Object.keys(limits).length === 0 ? {} : { limits }) });
    });
  }

  /** Removes the organization and its keys, unless it has an endpoint when the change's turn comes. */
  removeEmptyOrg(name: string): Promise<void> {
    return this.#change((draft) => {
      if (!draft.fields(name) || draft.hasEndpoints(name)) return;
      for (const id of draft.keysOf(name)) draft.putKey(id, null);
      draft.putOrg(name, null);
    });
  }

  /** Ids and records of all keys. */
  keys(): ReadonlyMap<string, KeyRecord> {
    return this.#state.keys;
  }

  /**
   * `next` gets the key as it will be when its turn to be written comes, and gives the one to write; `undefined` removes it. A key of an
   * organization that is not there any more is not written, and the change rejects with ORG_NOT_FOUND.
   */
  changeKey(id: string, next: (record: KeyRecord | undefined) => KeyRecord | undefined): Promise<void> {
    return this.#change((draft) => {
      const before = draft.key(id);
      const after = next(before);
      if (after === before) return;
      if (after?.org !== undefined && !draft.fields(after.org))
        throw new FaasError("ORG_NOT_FOUND", `There is no organization "${after.org}"`);
      draft.putKey(id, after ?? null);
    });
  }

  /** `next` gets the organization's secrets and endpoints as they will be when its turn to be written comes. Rejects with ORG_NOT_FOUND, and as `next` throws. */
  changeSecrets(
    org: string,
    next: (secrets: SecretRecords, endpoints: ReadonlyMap<string, EndpointRecord>) => SecretRecords,
  ): Promise<void> {
    return this.#change((draft) => {
      const fields = draft.fields(org);
      if (!fields) throw new FaasError("ORG_NOT_FOUND", `There is no organization "${org}"`);
      draft.putOrg(org, { ...fields, secrets: next(fields.secrets ?? {}, draft.endpointsOf(org)) });
    });
  }

  /**
   * `next` gets the record as it will be when its turn to be written comes, with the secrets that the organization has then, and gives the one to
   * write; `undefined` removes it. Rejects as `next` throws.
   */
  changeEndpoint(
    ref: EndpointRef,
    next: (record: EndpointRecord | undefined, secrets: SecretRecords) => EndpointRecord | undefined,
  ): Promise<void> {
    return this.#change((draft) => {
      const before = draft.endpoint(ref);
      const after = next(before, draft.fields(ref.org)?.secrets ?? {});
      if (after === before) return;
      if (after && !draft.fields(ref.org)) draft.putOrg(ref.org, newOrg());
      draft.putEndpoint(ref, after ?? null);
    });
  }

  /** Finishes what is being written; later changes are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#writing || this.#snapshotting) await (this.#writing ?? this.#snapshotting);
    await this.#journal?.close();
    this.#journal = undefined;
  }

  #change(make: (draft: Transaction) => void): Promise<void> {
    if (this.#closed) return Promise.reject(new FaasError("SERVER_STOPPING", "The server is stopping"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ make, resolve, reject });
      this.#begin();
    });
  }

  #begin(): void {
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // One turn later: what comes together is written together.
    await Promise.resolve();
    for (;;) {
      if (this.#since?.done) await this.#renewJournal();
      if (this.#waiting.length === 0) break;
      const draft = new Transaction(this.#state);
      const batch = this.#waiting.filter(({ make, reject }) => {
        try {
          make(draft);
          return true;
        } catch (error) {
          reject(error);
          return false;
        }
      });
      this.#waiting = [];
      try {
        await this.#write(draft);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        const failed = writeError(error, this.#file);
        for (const { reject } of batch) reject(failed);
      }
    }
    // In the same turn: a change that comes later begins anew.
    this.#writing = undefined;
  }

  async #write({ changes }: Transaction): Promise<void> {
    if (changes.length === 0) return;
    const journal = this.#journal ?? (await this.#newJournal());
    const line = formatEntry({ sequence: this.#sequence + 1, changes });
    await this.#mayWrite();
    // And after it: a server that took the folder over meanwhile may have read the journal before this was in it.
    await journal.append(line, this.#mayWrite).catch(async (error) => {
      if (journal.broken) await this.#leaveJournal(error);
      throw error;
    });
    this.#sequence++;
    this.#since?.lines.push(line);
    for (const change of changes) this.#state.apply(change);
    if (this.#isSnapshotDue(journal))
      this.#snapshotting = this.#snapshot().finally(() => (this.#snapshotting = undefined));
  }

  /**
   * The first change of a server, and one after a write whose outcome is not known, is made upon a new snapshot and a new journal. The
   * snapshot takes the next number: if the present journal has a write of that number that nobody was told of, it is not read again.
   */
  async #newJournal(): Promise<AppendFile> {
    // One that is under way would put an older one in place of ours.
    await this.#snapshotting;
    this.#since = undefined;
    const id = this.#id ?? randomUUID();
    const sequence = this.#sequence + 1;
    await this.#writeSnapshot(id, sequence);
    this.#id = id;
    this.#sequence = sequence;
    return this.#placeJournal(formatHeader(id, sequence));
  }

  async #writeSnapshot(id: string, sequence: number): Promise<void> {
    const handle = await replaceFile(this.#file, formatSnapshot({ state: this.#state, id, sequence }), this.#mayWrite);
    this.#snapshotBytes = (await handle.stat().finally(() => handle.close())).size;
    this.#snapshotMs = Date.now();
  }

  async #placeJournal(text: string): Promise<AppendFile> {
    const handle = await replaceFile(journalOf(this.#file), [text], this.#mayWrite);
    this.#journal = new AppendFile(handle, Buffer.byteLength(text));
    return this.#journal;
  }

  #isSnapshotDue({ bytes }: AppendFile): boolean {
    if (this.#since || this.#closed || Date.now() < this.#retryMs) return false;
    const least = this.#options.journalLeastBytes ?? JOURNAL_LEAST_BYTES;
    return bytes > Math.max(least, this.#snapshotBytes) || Date.now() - this.#snapshotMs > SNAPSHOT_EVERY_MS;
  }

  /** While changes go on: they are in the journal of the snapshot before, until that of the new one takes its place. */
  async #snapshot(): Promise<void> {
    const since = { sequence: this.#sequence, lines: [], done: false };
    this.#since = since;
    try {
      await this.#writeSnapshot(this.#id as string, since.sequence);
      since.done = true;
      this.#begin();
    } catch (error) {
      if (this.#since === since) this.#since = undefined;
      this.#later(error);
    }
  }

  async #renewJournal(): Promise<void> {
    const former = this.#journal;
    const { sequence, lines } = this.#since as { sequence: number; lines: string[] };
    this.#since = undefined;
    if (!former) return;
    try {
      await this.#placeJournal([formatHeader(this.#id as string, sequence), ...lines].join(""));
      await former.close();
    } catch (error) {
      this.#later(error);
      // The former one goes on, if it is the one that has the name.
      if (!(await former.isAt(journalOf(this.#file)).catch(() => false))) await this.#dropJournal();
    }
  }

  /** What was not acknowledged may be at its end as a whole, and the next server would read it: a snapshot past it is made at once. */
  async #leaveJournal(cause: unknown): Promise<void> {
    await this.#dropJournal();
    await this.#newJournal().catch(() => {
      if (cause instanceof FaasError) throw cause;
      throw new Error(
        `A change of ${this.#file} failed and could not be taken back: it may be there after a restart, unless another change is made before`,
        { cause },
      );
    });
  }

  async #dropJournal(): Promise<void> {
    const journal = this.#journal;
    this.#journal = undefined;
    await journal?.close().catch(() => {});
  }

  #later(error: unknown): void {
    this.#retryMs = Date.now() + RETRY_MS;
    this.#options.onTrouble?.(error);
  }
}

const newOrg = (): OrgFields => ({ createdAt: new Date().toISOString() });

function writeError(error: unknown, file: string): unknown {
  if (!isStorageFull(error)) return error;
  return new FaasError("STORAGE_FULL", `There is no room to write ${file}; nothing was changed`, { cause: error });
}
