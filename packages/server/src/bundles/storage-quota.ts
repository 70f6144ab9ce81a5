import { FaasError, formatSize, type LimitNumbers } from "@faas/core";
import { bundlesOf } from "../state/state.ts";
import type { Store } from "../state/store.ts";
import type { BundleAccess } from "./bundle-access.ts";
import type { BundleStore } from "./bundle-store.ts";

export interface BundleRoomOptions {
  readonly store: Pick<Store, "org">;
  readonly bundles: Pick<BundleStore, "sizeOf">;
  readonly grants: Pick<BundleAccess, "recent">;
  readonly limitsOf: (org: string) => LimitNumbers;
}

/** Room that is taken for one upload. */
export interface Reserved {
  /** The most bytes that it may have; undefined: no limit. */
  readonly bytes?: number;
  readonly tooLarge: () => FaasError;
  release(): void;
}

/**
 * What is stored for an organization: the bundles that its revisions name, and those that it uploaded lately. The content is stored once, and
 * counts for each organization that has it.
 */
export class StorageQuota {
  readonly #options: BundleRoomOptions;
  /** Bytes of uploads under way. */
  readonly #coming = new Map<string, number>();

  constructor(options: BundleRoomOptions) {
    this.#options = options;
  }

  async used(org: string): Promise<number> {
    return this.#sum(this.#digests(org));
  }

  /** Takes room for an upload of `length` bytes; of all that is left when that is not known. LIMIT_EXCEEDED. */
  async reserve(org: string, digest: string, length: number | undefined): Promise<Reserved> {
    const limit = this.#options.limitsOf(org).bundleBytes;
    const digests = this.#digests(org);
    const none = { tooLarge: () => exceeded(org, 0, length ?? 0, limit), release() {} };
    if (!Number.isFinite(limit) || digests.has(digest)) return none;
    const used = await this.#sum(digests);
    const coming = this.#coming.get(org) ?? 0;
    const left = Math.max(0, limit - used - coming);
    const tooLarge = () => exceeded(org, used + coming, length, limit);
    if (left === 0 || (length ?? 0) > left) throw tooLarge();
    const bytes = length ?? left;
    this.#coming.set(org, coming + bytes);
    return { bytes, tooLarge, release: () => this.#release(org, bytes) };
  }

  /** Refuses to have a bundle named that the organization did not upload itself, when it has no room for it. LIMIT_EXCEEDED. */
  async check(org: string, digest: string): Promise<void> {
    const limit = this.#options.limitsOf(org).bundleBytes;
    if (!Number.isFinite(limit)) return;
    const digests = this.#digests(org);
    if (digests.has(digest)) return;
    const [used, asked] = [await this.#sum(digests), await this.#options.bundles.sizeOf(digest)];
    if (used + asked > limit) throw exceeded(org, used, asked, limit);
  }

  #release(org: string, bytes: number): void {
    const left = (this.#coming.get(org) ?? 0) - bytes;
    if (left > 0) this.#coming.set(org, left);
    else this.#coming.delete(org);
  }

  #digests(org: string): Set<string> {
    const { grants, store } = this.#options;
    return new Set([...grants.recent(org), ...bundlesOf(store.org(org)?.endpoints.values() ?? [])]);
  }

  async #sum(digests: Iterable<string>): Promise<number> {
    let sum = 0;
    for (const digest of digests) sum += await this.#options.bundles.sizeOf(digest);
    return sum;
  }
}

function exceeded(org: string, used: number, asked: number | undefined, allowed: number): FaasError {
  const what = asked === undefined ? "this one has more than is left" : `this one has ${formatSize(asked)}`;
  return new FaasError(
    "LIMIT_EXCEEDED",
    `The limits of the organization "${org}" have no room for the bundle: its bundles take ${formatSize(used)}, ${what}, and the limit is ${formatSize(allowed)}; remove endpoints, or leave files out with .faasignore`,
    { extensions: { limit: "bundleBytes", used, ...(asked === undefined ? {} : { asked }), allowed } },
  );
}
