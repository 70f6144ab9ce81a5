import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type EndpointRef, FaasError, type Quota, type ReplicaFailure, type Revision } from "@faas/core";
import { isStorageFull, syncFolder } from "./disk.ts";
import { parseState, STATE_VERSION } from "./state-file.ts";

const BACKUP_EVERY_MS = 600_000;
const TEMPORARY = ".new";

export interface EndpointRecord {
  readonly createdAt: string;
  readonly updatedAt: string;
  /** What is served. */
  readonly current: Revision;
  /** `current` has not answered yet: it is the first deployment. */
  readonly unproven?: boolean;
  /** Deployed, and not yet answering; replaces `current` when it does. */
  readonly candidate?: Revision;
  /** Why the last deployment failed; gone with the next one. */
  readonly failure?: ReplicaFailure;
}

export interface OrgRecord {
  readonly createdAt: string;
  /** Absent: the platform's default. */
  readonly quota?: Quota;
  readonly endpoints: Readonly<Record<string, EndpointRecord>>;
}

export interface State {
  readonly version: typeof STATE_VERSION;
  readonly organizations: Readonly<Record<string, OrgRecord>>;
}

interface Change {
  readonly apply: (state: State) => State;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What should exist, in `state.json`. A change resolves when it is on disk; changes that come while one is being written share the next
 * write. A write that fails changes nothing.
 */
export class Store {
  readonly #file: string;
  /** Where a change is written first: ours alone, so that nobody else can name a half-written one. */
  readonly #temporary: string;
  readonly #mayWrite: () => Promise<void>;
  #state: State;
  #waiting: Change[] = [];
  #writing = false;
  #backedUpMs = 0;

  private constructor(file: string, state: State, mayWrite: () => Promise<void>) {
    this.#file = file;
    this.#temporary = `${file}.${randomUUID()}${TEMPORARY}`;
    this.#state = state;
    this.#mayWrite = mayWrite;
  }

  /**
   * Reads `state.json` of the data folder, or begins with nothing. Rejects with STATE_DAMAGED, and touches nothing then. `mayWrite` rejects
   * when another server has the folder: it is asked before every write, and the write then fails as it does.
   */
  static async open(dataDir: string, mayWrite: () => Promise<void> = async () => {}): Promise<Store> {
    await mkdir(dataDir, { recursive: true });
    const file = join(dataDir, "state.json");
    // Before the state is read: a former server that still lives either had its change in place by now, or finds it has nothing to rename.
    for (const name of await readdir(dataDir)) {
      if (name.startsWith("state.json.") && name.endsWith(TEMPORARY)) await rm(join(dataDir, name), { force: true });
    }
    const text = await readFile(file, "utf8").catch((error) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    const state =
      text === undefined ? ({ version: STATE_VERSION, organizations: {} } as const) : parseState(text, file);
    const store = new Store(file, state, mayWrite);
    if (text !== undefined) await store.#backUp();
    return store;
  }

  /** As it is on disk. */
  get state(): State {
    return this.#state;
  }

  org(name: string): OrgRecord | undefined {
    return own(this.#state.organizations, name);
  }

  endpoint(ref: EndpointRef): EndpointRecord | undefined {
    const org = this.org(ref.org);
    return org && own(org.endpoints, ref.endpoint);
  }

  *endpoints(): IterableIterator<[EndpointRef, EndpointRecord]> {
    for (const [org, { endpoints }] of Object.entries(this.#state.organizations)) {
      for (const [endpoint, record] of Object.entries(endpoints)) yield [{ org, endpoint }, record];
    }
  }

  /** Makes the organization if it is not there, and changes its quota if one is given. */
  putOrg(name: string, quota?: Quota): Promise<void> {
    return this.#change((state) => {
      if (quota === undefined && own(state.organizations, name)) return state;
      return withOrg(state, name, (org) => (quota === undefined ? org : { ...org, quota }));
    });
  }

  /** Removes the organization, unless it has an endpoint when the change's turn comes. */
  removeEmptyOrg(name: string): Promise<void> {
    return this.#change((state) => {
      const { [name]: org, ...others } = state.organizations;
      if (!org || Object.keys(org.endpoints).length > 0) return state;
      return { ...state, organizations: others };
    });
  }

  /** `next` gets the record as it will be when its turn to be written comes, and gives the one to write; `undefined` removes it. */
  changeEndpoint(
    ref: EndpointRef,
    next: (record: EndpointRecord | undefined) => EndpointRecord | undefined,
  ): Promise<void> {
    return this.#change((state) => {
      const before = own(own(state.organizations, ref.org)?.endpoints ?? {}, ref.endpoint);
      const after = next(before);
      if (after === before) return state;
      return withOrg(state, ref.org, (org) => {
        const { [ref.endpoint]: _, ...others } = org.endpoints;
        return { ...org, endpoints: after ? { ...others, [ref.endpoint]: after } : others };
      });
    });
  }

  #change(apply: (state: State) => State): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ apply, resolve, reject });
      if (!this.#writing) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        let next = this.#state;
        for (const change of batch) next = change.apply(next);
        if (next !== this.#state) await this.#write(next);
        this.#state = next;
        for (const change of batch) change.resolve();
      } catch (error) {
        const failed = writeError(error, this.#file);
        for (const change of batch) change.reject(failed);
      }
    }
    this.#writing = false;
  }

  /** Whole, to a new file; both the file and its name are on disk when it resolves (rename(2), fsync(2)). */
  async #write(state: State): Promise<void> {
    if (Date.now() - this.#backedUpMs > BACKUP_EVERY_MS) await this.#backUp();
    const temporary = this.#temporary;
    try {
      const handle = await open(temporary, "w", 0o600);
      try {
        await handle.writeFile(JSON.stringify(state));
        await handle.sync();
      } finally {
        await handle.close();
      }
      // Not sooner: from here on another server that takes the folder over removes the file that we are going to rename.
      await this.#mayWrite();
      await rename(temporary, this.#file).catch(async (error) => {
        if (error.code === "ENOENT") await this.#mayWrite();
        throw error;
      });
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
    await syncFolder(dirname(this.#file));
  }

  /** The present file is good: keeps it under a second name. */
  async #backUp(): Promise<void> {
    const backup = `${this.#file}.backup`;
    await rm(`${backup}.new`, { force: true });
    await link(this.#file, `${backup}.new`)
      .then(() => rename(`${backup}.new`, backup))
      .catch((error) => {
        if (error.code !== "ENOENT") throw error;
      });
    this.#backedUpMs = Date.now();
  }
}

const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

function withOrg(state: State, name: string, change: (org: OrgRecord) => OrgRecord): State {
  const org = own(state.organizations, name) ?? { createdAt: new Date().toISOString(), endpoints: {} };
  return { ...state, organizations: { ...state.organizations, [name]: change(org) } };
}

function writeError(error: unknown, file: string): unknown {
  if (!isStorageFull(error)) return error;
  return new FaasError("STORAGE_FULL", `There is no room to write ${file}; nothing was changed`, { cause: error });
}
