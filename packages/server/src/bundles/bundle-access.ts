import { bundlesOf } from "../state/state.ts";
import type { Store } from "../state/store.ts";
import { GRACE_MS } from "./bundle-store.ts";

/** Uploads that are remembered: what is forgotten is uploaded again. */
const REMEMBERED = 10_000;

/**
 * Which organization may use, or be told of, which bundle: one that it has uploaded to this server, or that a revision of its own names. To know the
 * digest of another's proves nothing.
 */
export class BundleAccess {
  readonly #store: Pick<Store, "org">;
  /** "org digest", and when it was uploaded; the oldest first. */
  readonly #uploaded = new Map<string, number>();

  constructor(store: Pick<Store, "org">) {
    this.#store = store;
  }

  has(org: string, digest: string): boolean {
    if (this.#uploaded.has(`${org} ${digest}`)) return true;
    for (const named of bundlesOf(this.#store.org(org)?.endpoints.values() ?? [])) if (named === digest) return true;
    return false;
  }

  /** It has shown that it has the bundle. */
  grant(org: string, digest: string): void {
    this.#uploaded.delete(`${org} ${digest}`);
    this.#uploaded.set(`${org} ${digest}`, Date.now());
    for (const oldest of this.#uploaded.keys()) {
      if (this.#uploaded.size <= REMEMBERED) return;
      this.#uploaded.delete(oldest);
    }
  }

  /** What it uploaded within the time that a bundle is kept for its registration. */
  recent(org: string, now = Date.now()): string[] {
    const own = `${org} `;
    return [...this.#uploaded].flatMap(([entry, atMs]) =>
      entry.startsWith(own) && now - atMs <= GRACE_MS ? [entry.slice(own.length)] : [],
    );
  }

  /** An organization that is made again under the name begins with nothing. */
  forget(org: string): void {
    for (const entry of this.#uploaded.keys()) if (entry.startsWith(`${org} `)) this.#uploaded.delete(entry);
  }
}
