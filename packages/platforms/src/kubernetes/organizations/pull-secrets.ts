import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Which namespaces were given a login for the registry. A login goes with its namespace and cannot be made again: nobody here may read the
 * password. So it is known at least that one is missing, also when the namespace went while no server ran.
 */
export class RegistryLogins {
  readonly #file: string;
  /** The namespace's uid, by organization. */
  readonly #uids: Map<string, string>;
  #written: Promise<void> = Promise.resolve();

  private constructor(file: string, uids: Map<string, string>) {
    this.#file = file;
    this.#uids = uids;
  }

  /** Of the server with this data folder. A file that is gone or damaged is no reason not to start. */
  static async load(dataDir: string): Promise<RegistryLogins> {
    const file = join(dataDir, "registry-logins.json");
    const uids = await readFile(file, "utf8")
      .then((text) => new Map(Object.entries(JSON.parse(text) as Record<string, string>)))
      .catch(() => new Map<string, string>());
    return new RegistryLogins(file, uids);
  }

  /** The organization's namespace has one now. */
  async given(org: string, namespaceUid: string): Promise<void> {
    this.#uids.set(org, namespaceUid);
    await this.#write();
  }

  /** The organization is removed. */
  async forget(org: string): Promise<void> {
    if (this.#uids.delete(org)) await this.#write();
  }

  /** There was one, in another namespace of that name. */
  isLost(org: string, namespaceUid: string | undefined): boolean {
    const given = this.#uids.get(org);
    return given !== undefined && namespaceUid !== undefined && given !== namespaceUid;
  }

  #write(): Promise<void> {
    const write = async () => {
      await writeFile(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#uids)));
      await rename(`${this.#file}.new`, this.#file);
    };
    this.#written = this.#written.then(write, write);
    return this.#written;
  }
}

/** What to do about a login that is lost. */
export const lostLogin = (org: string): string =>
  `the registry login of ${org} is gone with its namespace: run "faas org registry-login ${org}"`;
