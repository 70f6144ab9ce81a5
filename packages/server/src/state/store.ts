import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  changedLimits,
  type EndpointRef,
  FaasError,
  type KeyRecord,
  type LimitsChange,
  limitNumbers,
  limitsProblem,
  type ReservedResources,
  type Subscription,
  type ToolSettings,
} from "@faas/core";
import { TEMPORARY } from "./atomic-file.ts";
import { isStorageFull } from "./fsync.ts";
import { Journal, type JournalOptions } from "./journal.ts";
import { type Change, type EndpointRecord, type OrgFields, type OrgRecord, withRetention } from "./records.ts";
import { readState, type StateOnDisk } from "./recovery.ts";
import type { SecretRecords } from "./secret-records.ts";
import type { State } from "./state.ts";
import { Transaction } from "./transaction.ts";

export type StoreOptions = JournalOptions;

interface PendingChange {
  readonly mutate: (transaction: Transaction) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Desired state of the server: organizations, endpoints, keys. A change resolves when it is on disk; changes that arrive during a write share the
 * next one. A write that fails changes nothing.
 */
export class Store {
  readonly #file: string;
  readonly #state: State;
  readonly #journal: Journal;
  #pending: PendingChange[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;
  readonly #listeners = new Set<(change: Change) => void>();

  private constructor(file: string, onDisk: StateOnDisk, options: StoreOptions) {
    this.#file = file;
    this.#state = onDisk.state;
    this.#journal = new Journal(file, onDisk, options, () => this.#startWriting());
  }

  /**
   * Reads the state of the data folder; an empty folder has an empty state.
   *
   * @throws STATE_DAMAGED and leaves the files as they are
   */
  static async open(dataDir: string, options: StoreOptions = {}): Promise<Store> {
    await mkdir(dataDir, { recursive: true });
    // Before the state is read: a previous server that is still alive either has its file in place by now, or finds that it has nothing to rename.
    for (const name of await readdir(dataDir)) {
      if (name.startsWith("state.") && name.endsWith(TEMPORARY)) await rm(join(dataDir, name), { force: true });
    }
    const file = join(dataDir, "state.json");
    return new Store(file, await readState(file), options);
  }

  /** Calls a listener with each change that is on disk. Returns a function that ends that. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Returns the names of the organizations. */
  orgs(): IterableIterator<string> {
    return this.#state.names();
  }

  org(name: string): OrgRecord | undefined {
    const fields = this.#state.fields(name);
    const endpoints = this.#state.endpoints(name);
    return fields && endpoints && { ...fields, endpoints };
  }

  /** Returns the resources that are reserved for all endpoints of an organization, by their newest settings. */
  reserved(org: string): ReservedResources {
    return this.#state.reserved(org);
  }

  /** Returns the digests of the bundles that an organization's revisions name, with how many times they do. */
  bundles(org: string): ReadonlyMap<string, number> {
    return this.#state.bundles(org);
  }

  hasOrg(name: string): boolean {
    return this.#state.fields(name) !== undefined;
  }

  endpoint({ org, endpoint }: EndpointRef): EndpointRecord | undefined {
    return this.#state.endpoints(org)?.get(endpoint);
  }

  /** Returns the endpoint with a revision that has a hostname, the path of a webhook or the name of a tool. */
  addressOwner(address: string): EndpointRef | undefined {
    return this.#state.addressOwner(address);
  }

  /** Returns the subscriptions of an organization's endpoints to events, as their serving revisions have them. */
  subscriptions(org: string): ReadonlyMap<string, readonly Subscription[]> {
    return this.#state.subscriptions(org);
  }

  /** Returns the endpoints of an organization that are tools, as their serving revisions have them. */
  tools(org: string): ReadonlyMap<string, ToolSettings> {
    return this.#state.tools(org);
  }

  *endpoints(): IterableIterator<[EndpointRef, EndpointRecord]> {
    for (const org of this.#state.names()) {
      for (const [endpoint, record] of this.#state.endpoints(org) ?? []) yield [{ org, endpoint }, record];
    }
  }

  /**
   * Creates the organization if it does not exist, and changes the given limits. Revisions that the new limits no longer keep are dropped.
   *
   * @throws INVALID_REQUEST
   */
  putOrg(name: string, change: LimitsChange = {}): Promise<void> {
    return this.#change((transaction) => {
      const before = transaction.fields(name);
      if (before && Object.keys(change).length === 0) return;
      const { limits: previous = {}, ...fields } = before ?? newOrg();
      const limits = changedLimits(previous, change);
      const problem = limitsProblem(change);
      if (problem) throw new FaasError("INVALID_REQUEST", problem);
      transaction.putOrg(name, { ...fields, ...(Object.keys(limits).length === 0 ? {} : { limits }) });
      const { revisions } = limitNumbers(limits);
      if (revisions >= limitNumbers(previous).revisions) return;
      for (const [endpoint, record] of transaction.endpointsOf(name)) {
        const retained = withRetention(record, revisions);
        if (retained !== record) transaction.putEndpoint({ org: name, endpoint }, retained);
      }
    });
  }

  /** Removes the organization and its keys, unless it has an endpoint when the change is made. */
  removeEmptyOrg(name: string): Promise<void> {
    return this.#change((transaction) => {
      if (!transaction.fields(name) || transaction.hasEndpoints(name)) return;
      for (const id of transaction.keysOf(name)) transaction.putKey(id, null);
      transaction.putOrg(name, null);
    });
  }

  /** Returns all keys by id. */
  keys(): ReadonlyMap<string, KeyRecord> {
    return this.#state.keys;
  }

  /**
   * Changes a key. `next` gets the record after all earlier changes and returns the new one; `undefined` removes it. A key of an organization that
   * was removed meanwhile is not written.
   *
   * @throws ORG_NOT_FOUND
   */
  changeKey(id: string, next: (record: KeyRecord | undefined) => KeyRecord | undefined): Promise<void> {
    return this.#change((transaction) => {
      const before = transaction.key(id);
      const after = next(before);
      if (after === before) return;
      if (after?.org !== undefined && !transaction.fields(after.org)) throw orgNotFound(after.org);
      transaction.putKey(id, after ?? null);
    });
  }

  /**
   * Changes the secrets of an organization. `next` gets them, and the endpoints, after all earlier changes; the change rejects with what it throws.
   *
   * @throws ORG_NOT_FOUND
   */
  changeSecrets(
    org: string,
    next: (secrets: SecretRecords, endpoints: ReadonlyMap<string, EndpointRecord>) => SecretRecords,
  ): Promise<void> {
    return this.#change((transaction) => {
      const fields = transaction.fields(org);
      if (!fields) throw orgNotFound(org);
      transaction.putOrg(org, { ...fields, secrets: next(fields.secrets ?? {}, transaction.endpointsOf(org)) });
    });
  }

  /**
   * Changes an endpoint. `next` gets the record, the organization's secrets and the owners of addresses after all earlier changes, and returns the new
   * record; `undefined` removes the endpoint. As many revisions are kept as the organization's limits say. The change rejects with what `next` throws.
   */
  changeEndpoint(
    ref: EndpointRef,
    next: (
      record: EndpointRecord | undefined,
      secrets: SecretRecords,
      addressOwner: (address: string) => EndpointRef | undefined,
    ) => EndpointRecord | undefined,
  ): Promise<void> {
    return this.#change((transaction) => {
      const before = transaction.endpoint(ref);
      const fields = transaction.fields(ref.org);
      const after = next(before, fields?.secrets ?? {}, (address) => transaction.addressOwner(address));
      if (after === before) return;
      if (after && !fields) transaction.putOrg(ref.org, newOrg());
      const { revisions } = limitNumbers(fields?.limits ?? {});
      transaction.putEndpoint(ref, after ? withRetention(after, revisions) : null);
    });
  }

  /** Finishes the writes under way; later changes are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#journal.stopCompacting();
    while (this.#writing || this.#journal.isSnapshotting) await (this.#writing ?? this.#journal.snapshotWritten());
    await this.#journal.close();
  }

  #change(mutate: (transaction: Transaction) => void): Promise<void> {
    if (this.#closed) return Promise.reject(new FaasError("SERVER_STOPPING", "The server is stopping"));
    return new Promise((resolve, reject) => {
      this.#pending.push({ mutate, resolve, reject });
      this.#startWriting();
    });
  }

  #startWriting(): void {
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // One microtask later, so that changes made together are written together.
    await Promise.resolve();
    for (;;) {
      if (this.#journal.isCompactable) await this.#journal.finishCompaction();
      if (this.#pending.length === 0) break;
      const transaction = new Transaction(this.#state);
      const batch = this.#pending.filter(({ mutate, reject }) => {
        try {
          mutate(transaction);
          return true;
        } catch (error) {
          reject(error);
          return false;
        }
      });
      this.#pending = [];
      try {
        await this.#journal.write(transaction.changes);
        for (const listener of this.#listeners) transaction.changes.forEach(listener);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        const failure = writeError(error, this.#file);
        for (const { reject } of batch) reject(failure);
      }
    }
    // No await in between: a change that arrives later starts to write again.
    this.#writing = undefined;
  }
}

const newOrg = (): OrgFields => ({ createdAt: new Date().toISOString() });

const orgNotFound = (org: string) => new FaasError("ORG_NOT_FOUND", `There is no organization "${org}"`);

function writeError(error: unknown, file: string): unknown {
  if (!isStorageFull(error)) return error;
  return new FaasError("STORAGE_FULL", `No space left to write ${file}; nothing was changed`, { cause: error });
}
