import type { RateLimited, RateSharing } from "../endpoints/slot-sharing.ts";
import type { TokenBucket } from "../limits/token-bucket.ts";
import type { AdmittedMessage, PeerMessage, TokensMessage } from "./messages.ts";

/** Interval of reports while calls are admitted. */
const REPORT_MS = 50;
/** Part of a bucket's tokens that may be spent before it is reported, over all gateways. */
const UNREPORTED_PART = 0.05;
/** A nearly empty bucket counts as having the tokens of this time: fewer would mean a report for each call. */
const MIN_TOKENS_SECONDS = 0.1;

export interface RateSharingOptions {
  readonly send: (member: string, message: PeerMessage) => void;
  /** Returns the other members of the group, connected or not. */
  readonly others: () => readonly string[];
  /** Returns an organization that has endpoints. */
  readonly orgOf: (name: string) => RateLimited | undefined;
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => unknown;
}

/** Calls of an organization that were admitted here and not yet reported. */
interface Unreported {
  calls: number;
  /** Number of calls that are reported at once. */
  readonly reportAt: number;
}

/**
 * Shares the limits on requests per second. Each gateway has the whole bucket of an organization, and subtracts what the others report; so it may have debts, and
 * the sum over all gateways is exact in the long run. Reports are sent every 50 ms, and sooner when a gateway admitted a noticeable part of the bucket.
 */
export class PeerRates implements RateSharing {
  readonly #options: RateSharingOptions;
  readonly #unreported = new Map<string, Unreported>();
  /** Names of organizations that made calls. */
  readonly #seen = new Set<string>();
  /** Calls that could not be reported to a gateway. */
  readonly #missed = new Map<string, Map<string, number>>();
  readonly #connected = new Set<string>();
  #isPlanned = false;

  constructor(options: RateSharingOptions) {
    this.#options = options;
  }

  admitted({ name, bucket }: RateLimited, nowMs: number): void {
    let unreported = this.#unreported.get(name);
    if (unreported === undefined) {
      this.#seen.add(name);
      if (bucket === undefined || this.#options.others().length === 0) return;
      unreported = { calls: 0, reportAt: this.#reportAt(bucket, nowMs) };
      this.#unreported.set(name, unreported);
      this.#plan();
    }
    if (++unreported.calls >= unreported.reportAt) this.#report();
  }

  receive({ calls }: AdmittedMessage): void {
    const now = this.#options.now();
    for (const [org, count] of calls) this.#options.orgOf(org)?.bucket?.spend(count, now);
  }

  /** Formats the tokens of buckets that are not full. */
  tokens(): TokensMessage {
    const now = this.#options.now();
    const orgs: (readonly [string, number])[] = [];
    for (const name of this.#seen) {
      const bucket = this.#options.orgOf(name)?.bucket;
      if (bucket === undefined) this.#seen.delete(name);
      else if (bucket.tokens(now) < bucket.burst) orgs.push([name, bucket.tokens(now)]);
    }
    return { type: "tokens", orgs };
  }

  /** Takes over tokens, where another gateway has fewer. */
  adoptTokens({ orgs }: TokensMessage): void {
    const now = this.#options.now();
    for (const [org, tokens] of orgs) this.#options.orgOf(org)?.bucket?.lowerTo(tokens, now);
  }

  /** A member can be reached, for the first time or again. */
  connected(member: string): void {
    this.#connected.add(member);
    const missed = this.#missed.get(member);
    this.#missed.delete(member);
    if (missed) this.#options.send(member, { type: "admitted", calls: [...missed] });
  }

  disconnected(member: string): void {
    this.#connected.delete(member);
  }

  /** Forgets members that are no longer in the group. */
  retain(members: readonly string[]): void {
    for (const member of this.#missed.keys()) if (!members.includes(member)) this.#missed.delete(member);
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#options.after(REPORT_MS, () => {
      this.#isPlanned = false;
      this.#report();
    });
  }

  #report(): void {
    if (this.#unreported.size === 0) return;
    const calls = [...this.#unreported].map(([org, unreported]) => [org, unreported.calls] as const);
    this.#unreported.clear();
    for (const member of this.#options.others()) {
      if (this.#connected.has(member)) this.#options.send(member, { type: "admitted", calls });
      else this.#remember(member, calls);
    }
  }

  #remember(member: string, calls: AdmittedMessage["calls"]): void {
    const missed = this.#missed.get(member) ?? new Map<string, number>();
    this.#missed.set(member, missed);
    for (const [org, count] of calls) missed.set(org, (missed.get(org) ?? 0) + count);
  }

  #reportAt(bucket: TokenBucket, nowMs: number): number {
    const tokens = Math.max(bucket.tokens(nowMs), bucket.perSecond * MIN_TOKENS_SECONDS);
    return Math.max(1, Math.floor((tokens * UNREPORTED_PART) / (this.#options.others().length + 1)));
  }
}
