import type { IncomingHttpHeaders } from "node:http";
import {
  FaasError,
  isTokenOf,
  type KeyRecord,
  type KeyScope,
  type KeyView,
  keyIdOf,
  type NewKeyView,
  newKey,
  parseDuration,
} from "@faas/core";
import { type KeyVerifier, tokenOf, type VerifiedKey } from "@faas/gateway";
import type { Store } from "../state/store.ts";

/** What a key is made of. */
export interface KeyInput {
  readonly scope: KeyScope;
  readonly org?: string;
  readonly name?: string | undefined;
  /** A duration. */
  readonly expires?: string | undefined;
}

export interface KeysOptions {
  readonly store: Pick<Store, "keys" | "changeKey">;
  /** An admin key that is given at every start, and is not in the state. */
  readonly fixed?: { readonly id: string; readonly hash: string };
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** When a key was used last is written at most so often. */
const USED_EVERY_MS = 3_600_000;
const TIMER_MOST_MS = 2 ** 31 - 1;

/**
 * The keys of a server. To prove one takes a look-up by the id that its token names, and one SHA-256: about 3 µs, so nothing is cached, and what is
 * revoked is refused from the next request on.
 */
export class KeyService implements KeyVerifier {
  readonly #store: KeysOptions["store"];
  readonly #fixed: VerifiedKey | undefined;
  readonly #now: () => number;
  /** Used since it was written last. */
  readonly #usedMs = new Map<string, number>();
  /** Of those whom something goes on for. */
  readonly #ends = new Map<string, AbortController>();

  constructor({ store, fixed, now = Date.now }: KeysOptions) {
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
  }

  /** The key of a token; undefined when there is none: never made, revoked, or expired. */
  find(token: string): VerifiedKey | undefined {
    const id = keyIdOf(token);
    if (id === undefined) return undefined;
    const key = this.#get(id);
    if (key === undefined || !isTokenOf(token, key.record.hash) || this.#isExpired(key.record)) return undefined;
    this.#used(key);
    return key;
  }

  /** The key of a request. UNAUTHENTICATED. */
  authenticate(headers: IncomingHttpHeaders): VerifiedKey {
    const token = tokenOf(headers);
    const key = token === undefined ? undefined : this.find(token);
    if (key) return key;
    const how =
      '"faas login" keeps one for this server, FAAS_TOKEN gives one; over HTTP it is "Authorization: Bearer faas_…"';
    throw new FaasError(
      "UNAUTHENTICATED",
      token === undefined
        ? `Expected a key, got none: ${how}`
        : `The key is not valid: it was revoked, has expired, is another server's, or is mistyped. ${how}`,
    );
  }

  /** Whether a key that was proven before still is one. */
  isGood({ id }: VerifiedKey): boolean {
    const key = this.#get(id);
    return key !== undefined && !this.#isExpired(key.record);
  }

  /** Aborted when the key is revoked or expires, for what goes on after a request was let in. */
  signalOf({ id, record }: VerifiedKey): AbortSignal {
    let end = this.#ends.get(id);
    if (!end) {
      end = new AbortController();
      this.#ends.set(id, end);
    }
    if (record.expiresAt === undefined) return end.signal;
    const leftMs = Math.min(Math.max(0, Date.parse(record.expiresAt) - this.#now()), TIMER_MOST_MS);
    return AbortSignal.any([end.signal, AbortSignal.timeout(leftMs)]);
  }

  /** Makes a key; resolves when it is on disk. Nobody can be shown its token again. ORG_NOT_FOUND. */
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

  /** Those of an organization, or, without one, those of the whole server; the oldest first. */
  list(org: string | undefined): KeyView[] {
    const found: KeyView[] = org === undefined && this.#fixed ? [this.#shown(this.#fixed)] : [];
    for (const [id, record] of this.#store.keys()) if (record.org === org) found.push(this.#shown({ id, record }));
    return found.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  }

  /** Whether somebody can administer the server. */
  hasAdmin(): boolean {
    return this.list(undefined).some(({ expiresAt }) => expiresAt === undefined || Date.parse(expiresAt) > this.#now());
  }

  /** From the next request on it is refused, and what goes on with it ends. KEY_NOT_FOUND. */
  async revoke(org: string | undefined, id: string): Promise<void> {
    if (org === undefined && id === this.#fixed?.id)
      throw new FaasError(
        "INVALID_REQUEST",
        "This key is given to the server at every start: give it another one (docs/security.md)",
      );
    if (this.#store.keys().get(id)?.org !== org || !this.#store.keys().has(id))
      throw new FaasError(
        "KEY_NOT_FOUND",
        org === undefined ? `There is no admin key "${id}"` : `There is no key "${id}" in "${org}"`,
      );
    await this.#store.changeKey(id, () => undefined);
    this.dropGone();
  }

  /** Ends what goes on for keys that are no more. */
  dropGone(): void {
    for (const [id, end] of this.#ends) {
      if (this.#get(id)) continue;
      this.#ends.delete(id);
      end.abort(new FaasError("UNAUTHENTICATED", "The key was revoked"));
    }
    for (const id of this.#usedMs.keys()) if (!this.#get(id)) this.#usedMs.delete(id);
  }

  #get(id: string): VerifiedKey | undefined {
    if (this.#fixed?.id === id) return this.#fixed;
    const record = this.#store.keys().get(id);
    return record && { id, record };
  }

  #isExpired({ expiresAt }: KeyRecord): boolean {
    return expiresAt !== undefined && Date.parse(expiresAt) <= this.#now();
  }

  #used({ id, record }: VerifiedKey): void {
    const now = this.#now();
    const before = this.#usedMs.get(id) ?? Date.parse(record.lastUsedAt ?? "1970-01-01T00:00:00Z");
    if (now - before < USED_EVERY_MS) return;
    this.#usedMs.set(id, now);
    if (id === this.#fixed?.id) return;
    const lastUsedAt = new Date(now).toISOString();
    // Nobody's request depends on it.
    this.#store.changeKey(id, (latest) => latest && { ...latest, lastUsedAt }).catch(() => {});
  }

  #shown(key: VerifiedKey): KeyView {
    const usedMs = this.#usedMs.get(key.id);
    return viewOf(key, usedMs === undefined ? undefined : new Date(usedMs).toISOString());
  }
}

export function viewOf({ id, record }: VerifiedKey, usedAt?: string): KeyView {
  const { hash: _, ...shown } = record;
  return { id, ...shown, ...(usedAt === undefined ? {} : { lastUsedAt: usedAt }) };
}
