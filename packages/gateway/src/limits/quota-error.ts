import { FaasError } from "@faas/core";

/** Those that a call can be over. */
export const LIMITS_OF_CALLS = ["requestsPerSecond", "concurrentRequests"] as const;

/** A call that is over a limit of its organization. */
export class QuotaExceededError extends FaasError {
  /** Which limit. */
  readonly limit: (typeof LIMITS_OF_CALLS)[number];
  /** `Retry-After`, `RateLimit-Policy` and `RateLimit`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: "RATE_LIMITED" | "CONCURRENCY_LIMITED", detail: string, quota: Quota) {
    super(code, detail, { extensions: { "violated-policies": [quota.policy] } });
    this.limit = code === "RATE_LIMITED" ? "requestsPerSecond" : "concurrentRequests";
    this.headers = headersOf(quota);
  }
}

/** A quota policy in the words of the draft, of which nothing is left. */
interface Quota {
  readonly policy: string;
  /** As parameters. */
  readonly terms: string;
  /** Seconds until it is worth trying again. */
  readonly seconds: number;
}

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-11: policies and service limits are Strings with parameters (RFC 9651); `q` the quota, `qu` its
 * unit, `w` the window in seconds; `r` what is left, `t` the seconds for which no more can be used. `violated-policies` in the problem is
 * the draft's too. Sent where a call is refused and nowhere else: on other answers such fields are the function's own.
 */
function headersOf({ policy, terms, seconds }: Quota): Record<string, string> {
  return {
    "Retry-After": String(seconds),
    "RateLimit-Policy": `"${policy}";${terms}`,
    RateLimit: `"${policy}";r=0;t=${seconds}`,
  };
}

/** Over requests a second. `waitMs` until the next one could pass. A bucket's window is the time in which it fills. */
export function rateLimited(org: string, perSecond: number, burst: number, waitMs: number): QuotaExceededError {
  return new QuotaExceededError(
    "RATE_LIMITED",
    `The organization "${org}" may make ${perSecond} requests a second, up to ${burst} at once; this one was over that`,
    {
      policy: "requests",
      terms: `q=${burst};w=${Math.max(1, Math.ceil(burst / perSecond))}`,
      seconds: Math.max(1, Math.ceil(waitMs / 1000)),
    },
  );
}

/** Over requests at a time. Nobody knows when one ends: a second is a guess. */
export function concurrencyLimited(org: string, most: number): QuotaExceededError {
  return new QuotaExceededError(
    "CONCURRENCY_LIMITED",
    `The organization "${org}" may have ${most} requests under way at a time, and has; this one was over that`,
    { policy: "concurrent-requests", terms: `q=${most};qu="concurrent-requests"`, seconds: 1 },
  );
}
