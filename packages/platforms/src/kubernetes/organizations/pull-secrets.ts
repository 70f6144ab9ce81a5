import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A record of the namespaces that were given a registry login. A login is deleted with its namespace and cannot be restored, because the server must
 * not read the password. The record shows at least that a login was lost, even if the namespace was deleted while no server was running.
 */
export class RegistryLogins {
  readonly #file: string;
  /** Uids of namespaces by organization. */
  readonly #uids: Map<string, string>;
  #lastWrite: Promise<void> = Promise.resolve();

  private constructor(file: string, uids: Map<string, string>) {
    this.#file = file;
    this.#uids = uids;
  }

  /** Loads the record from a server's data folder. A missing or damaged file counts as an empty record. */
  static async load(dataDir: string): Promise<RegistryLogins> {
    const file = join(dataDir, "registry-logins.json");
    const uids = await readFile(file, "utf8")
      .then((text) => new Map(Object.entries(JSON.parse(text) as Record<string, string>)))
      .catch(() => new Map<string, string>());
    return new RegistryLogins(file, uids);
  }

  /** Records that an organization's namespace has a login. */
  async add(org: string, namespaceUid: string): Promise<void> {
    this.#uids.set(org, namespaceUid);
    await this.#write();
  }

  /** Forgets a removed organization. */
  async forget(org: string): Promise<void> {
    if (this.#uids.delete(org)) await this.#write();
  }

  /** Returns true if a login was in another namespace of the organization, which has been replaced since. */
  isLost(org: string, namespaceUid: string | undefined): boolean {
    const uid = this.#uids.get(org);
    return uid !== undefined && namespaceUid !== undefined && uid !== namespaceUid;
  }

  #write(): Promise<void> {
    const write = async () => {
      await writeFile(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#uids)));
      await rename(`${this.#file}.new`, this.#file);
    };
    this.#lastWrite = this.#lastWrite.then(write, write);
    return this.#lastWrite;
  }
}

/** Describes how to restore a lost login. */
export const lostLogin = (org: string): string =>
  `the registry login of ${org} was deleted with its namespace: run "faas org registry-login ${org}"`;
