import { FaasError, formatSize, type LimitNumbers } from "@faas/core";
import type { Store } from "../state/store.ts";
import type { BundleAccess } from "./bundle-access.ts";
import type { BundleStore, UploadAllowance } from "./bundle-store.ts";

export interface StorageQuotaOptions {
  readonly store: Pick<Store, "bundles">;
  readonly bundles: Pick<BundleStore, "knownSize" | "sizeOf">;
  readonly access: Pick<BundleAccess, "recent">;
  readonly limitsOf: (org: string) => LimitNumbers;
}

/** Storage that is reserved for one upload. */
export interface ReservedStorage extends UploadAllowance {
  release(): void;
}

/**
 * Storage that an organization uses: the bundles that its revisions name, also the kept ones, and those that it uploaded recently. The content is stored once, and counts
 * for each organization that has it.
 */
export class StorageQuota {
  readonly #options: StorageQuotaOptions;
  /** Bytes reserved for uploads under way, by organization. */
  readonly #reserved = new Map<string, number>();

  constructor(options: StorageQuotaOptions) {
    this.#options = options;
  }

  /** Returns the bytes that the organization's bundles take. */
  async used(org: string): Promise<number> {
    return this.#sum(this.#digests(org));
  }

  /**
   * Reserves storage for an upload of `length` bytes, or all that is left when the length is unknown.
   *
   * @throws LIMIT_EXCEEDED
   */
  async reserve(org: string, digest: string, length: number | undefined): Promise<ReservedStorage> {
    const limit = this.#options.limitsOf(org).bundleBytes;
    const digests = this.#digests(org);
    const unlimited = { tooLarge: () => exceeded(org, 0, length ?? 0, limit), release() {} };
    if (!Number.isFinite(limit) || digests.has(digest)) return unlimited;
    const used = await this.#sum(digests);
    const reserved = this.#reserved.get(org) ?? 0;
    const left = Math.max(0, limit - used - reserved);
    const tooLarge = () => exceeded(org, used + reserved, length, limit);
    if (left === 0 || (length ?? 0) > left) throw tooLarge();
    const bytes = length ?? left;
    this.#reserved.set(org, reserved + bytes);
    return { bytes, tooLarge, release: () => this.#release(org, bytes) };
  }

  /**
   * Checks that a bundle that the organization did not upload itself fits into its limit.
   *
   * @throws LIMIT_EXCEEDED
   */
  async check(org: string, digest: string): Promise<void> {
    const limit = this.#options.limitsOf(org).bundleBytes;
    if (!Number.isFinite(limit)) return;
    const digests = this.#digests(org);
    if (digests.has(digest)) return;
    const [used, asked] = [await this.#sum(digests), await this.#options.bundles.sizeOf(digest)];
    if (used + asked > limit) throw exceeded(org, used, asked, limit);
  }

  #release(org: string, bytes: number): void {
    const left = (this.#reserved.get(org) ?? 0) - bytes;
    if (left > 0) this.#reserved.set(org, left);
    else this.#reserved.delete(org);
  }

  /** Returns the bundles that count. The state keeps them as a running set, so this does not go over the endpoints. */
  #digests(org: string): ReadonlySet<string> {
    const { access, store } = this.#options;
    return new Set([...access.recent(org), ...store.bundles(org).keys()]);
  }

  async #sum(digests: Iterable<string>): Promise<number> {
    const { bundles } = this.#options;
    let sum = 0;
    for (const digest of digests) sum += bundles.knownSize(digest) ?? (await bundles.sizeOf(digest));
    return sum;
  }
}

function exceeded(org: string, used: number, asked: number | undefined, allowed: number): FaasError {
  const size = asked === undefined ? "this one has more than is left" : `this one has ${formatSize(asked)}`;
  return new FaasError(
    "LIMIT_EXCEEDED",
    `The limits of the organization "${org}" have no room for the bundle: its bundles take ${formatSize(used)}, ${size}, and the limit is ${formatSize(allowed)}; remove endpoints, exclude files with .faasignore, or keep fewer revisions with "faas org limit ${org} --revisions N"`,
    { extensions: { limit: "bundleBytes", used, ...(asked === undefined ? {} : { asked }), allowed } },
  );
}
