import { RetryLaterError, TokenBucket } from "@faas/gateway";

/** Unverified requests to a hook from one address: at once after a pause, and per second in the long run. */
const ADDRESS = { burst: 20, perSecond: 1 };
/** Addresses of a hook that are remembered. */
const MAX_ADDRESSES = 1_000;
/** Time for which an address that has sent a verified request is not limited: it may be a proxy's, with the hook's sender behind it. */
const TRUST_MS = 24 * 60 * 60_000;

interface Sender {
  readonly failures: TokenBucket;
  /** Absent: no verified request. */
  verifiedMs?: number;
}

/**
 * Limits the rate of requests to webhooks whose sender is not proven: each costs an HMAC over its body, and lines in logs. Addresses that have sent a verified
 * request are not limited. Times are milliseconds on a monotonic clock.
 */
export class HookThrottle {
  /** By hook and network. The oldest come first. */
  readonly #senders = new Map<string, Map<string, Sender>>();

  /**
   * Checks that a sender may try.
   *
   * @param hook "org/name"
   * @throws HOOK_LIMITED
   */
  check(hook: string, address: string, nowMs: number): void {
    const sender = this.#senders.get(hook)?.get(networkOf(address));
    if (sender === undefined || isTrusted(sender, nowMs)) return;
    const waitMs = sender.failures.waitMs(nowMs);
    if (waitMs === 0) return;
    throw new RetryLaterError(
      "HOOK_LIMITED",
      "Too many requests to this webhook from this address had no valid signature: retry later, with the secret of the webhook",
      waitMs,
    );
  }

  /** Counts a request whose sender was not proven. */
  failed(hook: string, address: string, nowMs: number): void {
    // Without debts, which requests that were verified at the same time could make.
    this.#seen(hook, address, nowMs).failures.take(nowMs);
  }

  /** Notes that a request's sender was proven. */
  verified(hook: string, address: string, nowMs: number): void {
    this.#seen(hook, address, nowMs).verifiedMs = nowMs;
  }

  #seen(hook: string, address: string, nowMs: number): Sender {
    const senders = this.#senders.get(hook) ?? new Map<string, Sender>();
    this.#senders.set(hook, senders);
    const network = networkOf(address);
    const sender = senders.get(network) ?? {
      failures: new TokenBucket(ADDRESS.perSecond, ADDRESS.burst, nowMs),
    };
    senders.delete(network);
    senders.set(network, sender);
    if (senders.size > MAX_ADDRESSES) forgetOldest(senders, nowMs);
    return sender;
  }
}

/** Forgets the oldest sender, preferably of those without a verified request. */
function forgetOldest(senders: Map<string, Sender>, nowMs: number): void {
  let [oldest] = senders.keys();
  for (const [network, sender] of senders) {
    if (isTrusted(sender, nowMs)) continue;
    oldest = network;
    break;
  }
  if (oldest !== undefined) senders.delete(oldest);
}

const isTrusted = ({ verifiedMs }: Sender, nowMs: number) => verifiedMs !== undefined && nowMs - verifiedMs < TRUST_MS;

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
