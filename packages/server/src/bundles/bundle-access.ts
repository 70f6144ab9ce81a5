import type { Store } from "../state/store.ts";
import { GRACE_MS } from "./bundle-store.ts";

/** Uploads that are remembered, over all organizations; a forgotten bundle is uploaded again. */
const MAX_REMEMBERED = 10_000;

/**
 * Decides which organization may use, or learn about, which bundle: one that it has uploaded to this server, or that a revision of its own names.
 * Knowing the digest of another organization's bundle proves nothing.
 */
export class BundleAccess {
  readonly #store: Pick<Store, "bundles">;
  /** Time of the last upload by organization and digest, the oldest first. */
  readonly #uploads = new Map<string, Map<string, number>>();
  /** All uploads, over all organizations, the oldest first. */
  readonly #order = new Map<string, { readonly org: string; readonly digest: string }>();

  constructor(store: Pick<Store, "bundles">) {
    this.#store = store;
  }

  has(org: string, digest: string): boolean {
    return this.#uploads.get(org)?.has(digest) === true || this.#store.bundles(org).has(digest);
  }

  /** Records that the organization has uploaded the bundle. */
  grant(org: string, digest: string, now = Date.now()): void {
    this.#forget(org, digest);
    const uploads = this.#uploads.get(org) ?? new Map<string, number>();
    this.#uploads.set(org, uploads.set(digest, now));
    this.#order.set(`${org} ${digest}`, { org, digest });
    for (const oldest of this.#order.values()) {
      if (this.#order.size <= MAX_REMEMBERED) return;
      this.#forget(oldest.org, oldest.digest);
    }
  }

  /** Returns the digests that the organization uploaded within the time that a bundle is kept for its registration. */
  recent(org: string, now = Date.now()): string[] {
    const uploads = [...(this.#uploads.get(org) ?? [])];
    return uploads.flatMap(([digest, atMs]) => (now - atMs <= GRACE_MS ? [digest] : []));
  }

  /** Forgets a removed organization: one that is created again under the name starts without uploads. */
  forget(org: string): void {
    for (const digest of this.#uploads.get(org)?.keys() ?? []) this.#order.delete(`${org} ${digest}`);
    this.#uploads.delete(org);
  }

  #forget(org: string, digest: string): void {
    this.#order.delete(`${org} ${digest}`);
    const uploads = this.#uploads.get(org);
    uploads?.delete(digest);
    if (uploads?.size === 0) this.#uploads.delete(org);
  }
}
