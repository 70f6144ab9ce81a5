import { FaasError, type KeyScope, scopeAllows } from "@faas/core";
import type { VerifiedKey } from "@faas/gateway";
import type { KeyService } from "../auth/key-service.ts";

/**
 * What who asks may do on the control API. Of another organization nobody learns anything: what is there and what is not are refused in the same words,
 * before anything is looked up.
 */
export class Access {
  /** Absent: the server wants no keys, and everybody may do everything. */
  readonly key: VerifiedKey | undefined;
  readonly #keys: KeyService;

  constructor(keys: KeyService, key: VerifiedKey | undefined) {
    this.#keys = keys;
    this.key = key;
  }

  /** The only organization that exists for it; undefined: it sees all. */
  get org(): string | undefined {
    return this.key?.record.org;
  }

  canSee(org: string): boolean {
    return this.org === undefined || this.org === org;
  }

  /** ORG_NOT_FOUND, FORBIDDEN. */
  require(org: string, wanted: KeyScope): void {
    if (!this.canSee(org)) throw noSuchOrg(org);
    this.requireScope(wanted);
  }

  /** Where no organization is named. FORBIDDEN. */
  requireScope(wanted: KeyScope): void {
    if (this.key === undefined) return;
    const { scope, name, org } = this.key.record;
    if (scopeAllows(scope, wanted)) return;
    const enough = wanted === "admin" || wanted === "deploy" ? [wanted] : ["deploy", wanted];
    const of = org === undefined ? "" : ` for ${org}`;
    throw new FaasError(
      "FORBIDDEN",
      `Expected a key with the scope ${enough.join(" or ")}, and "${name}" has ${scope}${of}; who has an admin key makes others with "faas key create"`,
    );
  }

  /** Aborted when its key is no longer good; undefined without one. */
  get signal(): AbortSignal | undefined {
    return this.key && this.#keys.signalOf(this.key);
  }

  /** After a wait. UNAUTHENTICATED. */
  requireStill(): void {
    if (this.key && !this.#keys.isGood(this.key)) throw new FaasError("UNAUTHENTICATED", "The key was revoked");
  }
}

/** The same of one that is not there and of one that does not exist for who asks. */
export const noSuchOrg = (org: string, suggestion?: string): FaasError =>
  new FaasError("ORG_NOT_FOUND", `There is no organization "${org}"`, suggestion ? { extensions: { suggestion } } : {});
