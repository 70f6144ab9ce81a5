import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Secret } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import type { KubernetesObject } from "../client/objects.ts";
import { namespaceOf, PULL_SECRET } from "../reconcile/manifests/labels.ts";

/**
 * A record of the namespaces that were given a registry login. A login is deleted with its namespace and cannot be restored, because the server does
 * not store the password. The record shows at least that a login was lost, even if the namespace was deleted while no server was running.
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

/**
 * Reads the login with which the nodes pull the images of an organization, the text of a Docker `config.json`; `undefined` without. It is read for each
 * request to a registry and not kept (docs/decisions/0056-registry-logins-are-read.md).
 */
export async function readRegistryLogin(
  api: Pick<KubernetesApi, "get">,
  org: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const secret = await api.get<V1Secret & KubernetesObject>("Secret", namespaceOf(org), PULL_SECRET, signal);
  const text = secret?.data?.[".dockerconfigjson"];
  return text === undefined ? undefined : Buffer.from(text, "base64").toString();
}

/** Describes how to restore a lost login. */
export const lostLogin = (org: string): string =>
  `the registry login of ${org} was deleted with its namespace: run "faas org registry-login ${org}"`;
