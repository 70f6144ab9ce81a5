import { type ErrorCode, FaasError } from "@faas/core";

/** Limits that a call can exceed. */
export const LIMITS_OF_CALLS = ["requestsPerSecond", "concurrentRequests"] as const;

/** Error for a request whose sender may retry after a time. */
export class RetryLaterError extends FaasError {
  /** Headers of the response, with `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;

  /** @param waitMs milliseconds until a retry can succeed */
  constructor(code: ErrorCode, detail: string, waitMs: number, extensions: Record<string, unknown> = {}) {
    super(code, detail, { extensions });
    this.headers = { "Retry-After": String(retrySeconds(waitMs)) };
  }
}

/** Error for a call that exceeds a limit of its organization. */
export class QuotaExceededError extends RetryLaterError {
  readonly limit: (typeof LIMITS_OF_CALLS)[number];
  /** `Retry-After`, `RateLimit-Policy` and `RateLimit`. */
  override readonly headers: Readonly<Record<string, string>>;

  constructor(code: "RATE_LIMITED" | "CONCURRENCY_LIMITED", detail: string, quota: Quota) {
    super(code, detail, quota.retrySeconds * 1000, { "violated-policies": [quota.policy] });
    this.limit = code === "RATE_LIMITED" ? "requestsPerSecond" : "concurrentRequests";
    this.headers = headersOf(quota);
  }
}

/** An exhausted quota policy, in the terms of the RateLimit draft. */
interface Quota {
  readonly policy: string;
  /** Parameters of the policy. */
  readonly parameters: string;
  /** Seconds until a retry can succeed. */
  readonly retrySeconds: number;
}

/**
 * Builds the fields of draft-ietf-httpapi-ratelimit-headers-11: policies and service limits are Strings with parameters (RFC 9651); `q` is the quota, `qu` its
 * unit, `w` the window in seconds; `r` is the remaining quota, `t` the seconds until it is restored. `violated-policies` in the problem document is from the draft
 * too. Only rejected calls get these fields: in other responses they belong to the function.
 */
function headersOf({ policy, parameters, retrySeconds }: Quota): Record<string, string> {
  return {
    "Retry-After": String(retrySeconds),
    "RateLimit-Policy": `"${policy}";${parameters}`,
    RateLimit: `"${policy}";r=0;t=${retrySeconds}`,
  };
}

/**
 * Builds the error for too many requests per second. The window of the policy is the time in which the token bucket fills.
 * @param waitMs milliseconds until the next request can pass
 */
export function rateLimited(org: string, perSecond: number, burst: number, waitMs: number): QuotaExceededError {
  return new QuotaExceededError(
    "RATE_LIMITED",
    `The organization "${org}" may make ${perSecond} requests a second, up to ${burst} at once; this one exceeded that`,
    {
      policy: "requests",
      parameters: `q=${burst};w=${Math.max(1, Math.ceil(burst / perSecond))}`,
      retrySeconds: retrySeconds(waitMs),
    },
  );
}

/** Rounds a time up to whole seconds, at least 1, as `Retry-After` has it. */
const retrySeconds = (waitMs: number) => Math.max(1, Math.ceil(waitMs / 1000));

/** Builds the error for too many concurrent requests. When one of them ends is unknown: a second is a guess. */
export function concurrencyLimited(org: string, limit: number): QuotaExceededError {
  return new QuotaExceededError(
    "CONCURRENCY_LIMITED",
    `The organization "${org}" may have ${limit} requests in progress at a time; this one exceeded that`,
    { policy: "concurrent-requests", parameters: `q=${limit};qu="concurrent-requests"`, retrySeconds: 1 },
  );
}
