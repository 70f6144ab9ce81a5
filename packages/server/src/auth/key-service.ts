import type { IncomingHttpHeaders } from "node:http";
import {
  FaasError,
  type KeyRecord,
  type KeyScope,
  type KeyView,
  type NewKeyView,
  newKey,
  parseDuration,
} from "@faas/core";
import { type KeyVerifier, TokenVerifier, type VerifiedKey } from "@faas/gateway";
import type { Store } from "../state/store.ts";

/** Fields of a new key. */
export interface KeyInput {
  readonly scope: KeyScope;
  readonly org?: string;
  readonly name?: string | undefined;
  /** Duration until it expires. */
  readonly expires?: string | undefined;
}

export interface KeyServiceOptions {
  readonly store: Pick<Store, "keys" | "changeKey">;
  /** Admin key that is passed at every start and is not in the state. */
  readonly fixed?: { readonly id: string; readonly hash: string };
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Interval at which the last use of a key is written at most. */
const LAST_USED_INTERVAL_MS = 3_600_000;
type StoredKey = VerifiedKey<KeyRecord>;

/** Keys of a server. */
export class KeyService implements KeyVerifier {
  readonly #store: KeyServiceOptions["store"];
  readonly #fixed: StoredKey | undefined;
  readonly #now: () => number;
  /** Time of the last use by id, where it is newer than the written one. */
  readonly #usedMs = new Map<string, number>();
  readonly #verifier: TokenVerifier<KeyRecord>;

  constructor({ store, fixed, now = Date.now }: KeyServiceOptions) {
    this.#store = store;
    this.#now = now;
    this.#fixed = fixed && {
      id: fixed.id,
      record: {
        name: "given at the start",
        scope: "admin",
        hash: fixed.hash,
        createdAt: new Date(now()).toISOString(),
      },
    };
    this.#verifier = new TokenVerifier({ get: (id) => this.#get(id), onUse: (key) => this.#recordUse(key), now });
  }

  /** Returns the key of a token; undefined for one that is unknown, revoked or expired. */
  find(token: string): StoredKey | undefined {
    return this.#verifier.find(token);
  }

  /**
   * Returns the key of a request.
   *
   * @throws UNAUTHENTICATED
   */
  authenticate(headers: IncomingHttpHeaders): StoredKey {
    return this.#verifier.authenticate(headers);
  }

  /** True while a key that was verified before is still valid. */
  isGood(key: VerifiedKey): boolean {
    return this.#verifier.isGood(key);
  }

  /** Returns a signal that aborts when the key is revoked or expires, for work that outlasts the admission of a request. */
  signalOf(key: VerifiedKey): AbortSignal {
    return this.#verifier.signalOf(key);
  }

  /** Returns all keys by id, including the one that was passed at the start. */
  *all(): IterableIterator<readonly [id: string, record: KeyRecord]> {
    if (this.#fixed) yield [this.#fixed.id, this.#fixed.record];
    yield* this.#store.keys();
  }

  /** Returns the record of a key. */
  get(id: string): KeyRecord | undefined {
    return this.#get(id);
  }

  /** Records the use of a key at a gateway in another process. */
  recordUse(id: string): void {
    const record = this.#get(id);
    if (record) this.#recordUse({ id, record });
  }

  /**
   * Creates a key; resolves when it is on disk. Its token cannot be shown again.
   *
   * @throws ORG_NOT_FOUND
   */
  async create({ scope, org, name = scope, expires }: KeyInput): Promise<NewKeyView> {
    const { id, token, hash } = newKey(scope);
    const now = this.#now();
    const record: KeyRecord = {
      name,
      scope,
      ...(org === undefined ? {} : { org }),
      hash,
      createdAt: new Date(now).toISOString(),
      ...(expires === undefined ? {} : { expiresAt: new Date(now + (parseDuration(expires) as number)).toISOString() }),
    };
    await this.#store.changeKey(id, () => record);
    return { ...viewOf({ id, record }), token };
  }

  /** Lists the keys of an organization, or, without one, the admin keys; the oldest first. */
  list(org: string | undefined): KeyView[] {
    const found: KeyView[] = org === undefined && this.#fixed ? [this.#view(this.#fixed)] : [];
    for (const [id, record] of this.#store.keys()) if (record.org === org) found.push(this.#view({ id, record }));
    return found.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  }

  /** True when there is an admin key that is valid. */
  hasAdmin(): boolean {
    return this.list(undefined).some(({ expiresAt }) => expiresAt === undefined || Date.parse(expiresAt) > this.#now());
  }

  /**
   * Revokes a key: from the next request on it is rejected, and streams that it opened end.
   *
   * @throws KEY_NOT_FOUND
   */
  async revoke(org: string | undefined, id: string): Promise<void> {
    if (org === undefined && id === this.#fixed?.id)
      throw new FaasError(
        "INVALID_REQUEST",
        "This key is passed to the server at every start: pass another one instead (docs/security.md)",
      );
    if (this.#store.keys().get(id)?.org !== org || !this.#store.keys().has(id))
      throw new FaasError(
        "KEY_NOT_FOUND",
        org === undefined ? `There is no admin key "${id}"` : `There is no key "${id}" in "${org}"`,
      );
    await this.#store.changeKey(id, () => undefined);
    this.endRevoked();
  }

  /** Ends the streams of keys that no longer exist. */
  endRevoked(): void {
    this.#verifier.endRevoked();
    for (const id of this.#usedMs.keys()) if (!this.#get(id)) this.#usedMs.delete(id);
  }

  #get(id: string): KeyRecord | undefined {
    return this.#fixed?.id === id ? this.#fixed.record : this.#store.keys().get(id);
  }

  #recordUse({ id, record }: StoredKey): void {
    const now = this.#now();
    const before = this.#usedMs.get(id) ?? Date.parse(record.lastUsedAt ?? "1970-01-01T00:00:00Z");
    if (now - before < LAST_USED_INTERVAL_MS) return;
    this.#usedMs.set(id, now);
    if (id === this.#fixed?.id) return;
    const lastUsedAt = new Date(now).toISOString();
    // No request depends on it.
    this.#store.changeKey(id, (latest) => latest && { ...latest, lastUsedAt }).catch(() => {});
  }

  #view(key: StoredKey): KeyView {
    const usedMs = this.#usedMs.get(key.id);
    return viewOf(key, usedMs === undefined ? undefined : new Date(usedMs).toISOString());
  }
}

/** Returns a key as the control API shows it. */
export function viewOf({ id, record }: StoredKey, usedAt?: string): KeyView {
  const { hash: _, ...visible } = record;
  return { id, ...visible, ...(usedAt === undefined ? {} : { lastUsedAt: usedAt }) };
}
