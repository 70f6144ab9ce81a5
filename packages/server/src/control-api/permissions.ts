import { FaasError, type KeyRecord, type KeyScope, scopeAllows } from "@faas/core";
import { organizationNotFound, type VerifiedKey } from "@faas/gateway";
import type { KeyService } from "../auth/key-service.ts";

/**
 * Permissions of a request on the control API. A key cannot discover other organizations: requests for existing and for missing ones fail with the same
 * error, before anything is looked up.
 */
export class Permissions {
  /** Absent: the server does not require keys, and every request may do everything. */
  readonly key: VerifiedKey<KeyRecord> | undefined;
  readonly #keys: KeyService;

  constructor(keys: KeyService, key: VerifiedKey<KeyRecord> | undefined) {
    this.#keys = keys;
    this.key = key;
  }

  /** The only organization that the key can see; undefined: all. */
  get org(): string | undefined {
    return this.key?.record.org;
  }

  canSee(org: string): boolean {
    return this.org === undefined || this.org === org;
  }

  /** Tells whether the key has a scope, where the request names an organization that it can see. */
  allows(scope: KeyScope): boolean {
    return this.key === undefined || scopeAllows(this.key.record.scope, scope);
  }

  /**
   * Requires a scope for an organization.
   * @throws ORG_NOT_FOUND
   * @throws FORBIDDEN
   */
  require(org: string, scope: KeyScope): void {
    if (!this.canSee(org)) throw organizationNotFound(org);
    this.requireScope(scope);
  }

  /**
   * Requires a scope where the request names no organization.
   * @throws FORBIDDEN
   */
  requireScope(required: KeyScope): void {
    if (this.key === undefined) return;
    const { scope, name, org } = this.key.record;
    if (scopeAllows(scope, required)) return;
    const sufficient = required === "admin" || required === "deploy" ? [required] : ["deploy", required];
    const of = org === undefined ? "" : ` for ${org}`;
    throw new FaasError(
      "FORBIDDEN",
      `Expected a key with the scope ${sufficient.join(" or ")}, got "${name}" with ${scope}${of}; holders of an admin key create others with "faas key create"`,
    );
  }

  /** Aborted when the key is revoked or expires; undefined without a key. */
  get signal(): AbortSignal | undefined {
    return this.key && this.#keys.signalOf(this.key);
  }

  /**
   * Checks after a wait that the key is still valid.
   * @throws UNAUTHENTICATED
   */
  requireValidKey(): void {
    if (this.key && !this.#keys.isGood(this.key)) throw new FaasError("UNAUTHENTICATED", "The key was revoked");
  }
}
