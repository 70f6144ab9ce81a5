import { RetryLaterError, TokenBucket } from "@faas/gateway";

/** Unverified requests to a hook from one address: at once after a pause, and per second in the long run. */
const ADDRESS = { burst: 20, perSecond: 1 };
/** Unverified requests to a hook from all addresses. */
const HOOK = { burst: 200, perSecond: 20 };
/** Addresses of a hook that are remembered. An address that is forgotten still counts in the limit of its hook. */
const MAX_ADDRESSES = 1_000;

interface Failures {
  readonly total: TokenBucket;
  readonly byAddress: Map<string, TokenBucket>;
}

/**
 * Limits the rate of requests to webhooks whose sender is not proven: each costs an HMAC over its body, and lines in logs. Valid requests take nothing from
 * the limits. Times are milliseconds on a monotonic clock.
 */
export class HookThrottle {
  /** By hook; without those of which no request failed. */
  readonly #failures = new Map<string, Failures>();

  /**
   * Checks that a sender may try.
   *
   * @param hook "org/name"
   * @throws HOOK_LIMITED
   */
  check(hook: string, address: string, nowMs: number): void {
    const failures = this.#failures.get(hook);
    if (failures === undefined) return;
    const ofAddress = failures.byAddress.get(networkOf(address));
    const waitMs = Math.max(failures.total.waitMs(nowMs), ofAddress?.waitMs(nowMs) ?? 0);
    if (waitMs === 0) {
      this.#forgetFull(hook, failures, nowMs);
      return;
    }
    const where = ofAddress !== undefined && ofAddress.waitMs(nowMs) > 0 ? " from this address" : "";
    throw new RetryLaterError(
      "HOOK_LIMITED",
      `Too many requests to this webhook${where} had no valid signature: retry later, with the secret of the webhook`,
      waitMs,
    );
  }

  /** Counts a request whose sender was not proven. */
  failed(hook: string, address: string, nowMs: number): void {
    const failures = this.#failures.get(hook) ?? {
      total: new TokenBucket(HOOK.perSecond, HOOK.burst, nowMs),
      byAddress: new Map<string, TokenBucket>(),
    };
    this.#failures.set(hook, failures);
    // Without debts, which requests that were verified at the same time could make.
    failures.total.take(nowMs);
    const { byAddress } = failures;
    const network = networkOf(address);
    const bucket = byAddress.get(network) ?? new TokenBucket(ADDRESS.perSecond, ADDRESS.burst, nowMs);
    bucket.take(nowMs);
    // The last address that failed becomes the youngest.
    byAddress.delete(network);
    byAddress.set(network, bucket);
    const [oldest] = byAddress.keys();
    if (byAddress.size > MAX_ADDRESSES && oldest !== undefined) byAddress.delete(oldest);
  }

  /** Forgets the failures of a hook that no longer count. */
  #forgetFull(hook: string, { total, byAddress }: Failures, nowMs: number): void {
    if (total.tokens(nowMs) < HOOK.burst) return;
    for (const [address, bucket] of byAddress) if (bucket.tokens(nowMs) >= ADDRESS.burst) byAddress.delete(address);
    if (byAddress.size === 0) this.#failures.delete(hook);
  }
}

/** Returns the network of an IPv6 address, its first 64 bits: a client has all addresses in it (RFC 4291 section 2.5.1). Other addresses stay as they are. */
function networkOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head.split(":");
  if (tail === undefined) return groups.slice(0, 4).join(":");
  const missing = 8 - groups.filter(Boolean).length - tail.split(":").filter(Boolean).length;
  return [...groups.filter(Boolean), ...Array(missing).fill("0"), ...tail.split(":").filter(Boolean)]
    .slice(0, 4)
    .join(":");
}
