import { type ErrorCode, FaasError } from "@faas/core";

/** A request that the API server rejected, or did not respond to. */
export class ClusterError extends FaasError {
  /** HTTP status; 0 if there was no response. */
  readonly httpStatus: number;
  /** Kubernetes' reason: `AlreadyExists`, `Forbidden` … */
  readonly reason: string;

  constructor(code: ErrorCode, detail: string, httpStatus: number, reason: string, cause?: unknown) {
    super(code, detail, { cause });
    this.httpStatus = httpStatus;
    this.reason = reason;
  }

  /** True if the namespace of the object is missing. */
  get lacksNamespace(): boolean {
    return this.httpStatus === 404 && /namespaces "[^"]*" not found/.test(this.message);
  }

  /** True if the same request may succeed later without any repair. */
  get isTransient(): boolean {
    return (
      this.httpStatus === 0 ||
      this.httpStatus === 429 ||
      this.httpStatus >= 500 ||
      this.code === "NAMESPACE_TERMINATING" ||
      // Concurrent writes.
      this.reason === "Conflict"
    );
  }
}

/** Returns true for the error of a request for an object that does not exist. */
export const isNotFound = (error: unknown): boolean => error instanceof ClusterError && error.httpStatus === 404;

/** Converts the `Status` object of a rejected request (Kubernetes API conventions, "Response Status Kind") into an error. */
export function rejection(httpStatus: number, text: string, request: string): ClusterError {
  const { message = text.slice(0, 300), reason = "", details } = parseStatus(text);
  const terminating =
    details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") ?? /is being terminated/.test(message);
  if (terminating) return new ClusterError("NAMESPACE_TERMINATING", message, httpStatus, reason);
  if (httpStatus === 401 || (httpStatus === 403 && /cannot \w+ resource/.test(message))) {
    const advice = 'run "faas doctor" to see the missing permissions';
    return new ClusterError(
      "CLUSTER_FORBIDDEN",
      `The cluster denies access: ${message || request}; ${advice}`,
      httpStatus,
      reason,
    );
  }
  return new ClusterError("CLUSTER_REFUSED", `The cluster rejected ${request}: ${message}`, httpStatus, reason);
}

interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string }[] };
}

function parseStatus(text: string): Status {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
