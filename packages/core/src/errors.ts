import { z } from "zod";
import type { Immutable } from "./immutable.ts";

/** Every error that a user can see: a stable code, the HTTP status it is answered with, a title. `docs/errors.md` explains each. */

export const errorCodes = {
  // What a client sent to the control API or the gateway.
  MALFORMED_JSON: [400, "Malformed JSON"],
  INVALID_REQUEST: [400, "Invalid request"],
  INVALID_NAME: [400, "Invalid name"],
  INVALID_PATH: [400, "Invalid path"],
  UNAUTHENTICATED: [401, "No valid key"],
  FORBIDDEN: [403, "The key may not do this"],
  IMAGE_NOT_ALLOWED: [403, "Image not allowed"],
  NOT_FOUND: [404, "Not found"],
  KEY_NOT_FOUND: [404, "No such key"],
  ORG_NOT_FOUND: [404, "No such organization"],
  ENDPOINT_NOT_FOUND: [404, "No such endpoint"],
  SECRET_NOT_FOUND: [404, "No such secret"],
  BUNDLE_NOT_FOUND: [404, "No such bundle"],
  METHOD_NOT_ALLOWED: [405, "Method not allowed"],
  REQUEST_TIMEOUT: [408, "Request timeout"],
  LIMIT_EXCEEDED: [409, "Over a limit of the organization"],
  SECRET_IN_USE: [409, "The secret is in use"],
  BODY_TOO_LARGE: [413, "Request body too large"],
  SECRETS_FULL: [413, "No room for another secret"],
  BUNDLE_TOO_LARGE: [413, "Bundle too large"],
  EXPECTATION_FAILED: [417, "Expectation failed"],
  HOST_REFUSED: [421, "Not the address of this server"],
  UNSUPPORTED_MEDIA_TYPE: [415, "Unsupported media type"],
  BUNDLE_DIGEST_MISMATCH: [422, "Bundle does not match its digest"],
  BUNDLE_INVALID: [422, "Invalid bundle"],
  ARTIFACT_UNSUPPORTED: [422, "Artifact not supported by this platform"],
  SCALER_UNSUPPORTED: [422, "Scaler not supported by this platform"],
  RATE_LIMITED: [429, "Too many requests"],
  CONCURRENCY_LIMITED: [429, "Too many requests at a time"],
  HEADERS_TOO_LARGE: [431, "Request header fields too large"],

  // What happened to a call.
  FUNCTION_ERROR: [500, "The function threw an error"],
  INVALID_RESPONSE: [500, "The function returned what cannot be an answer"],
  REPLICA_FAILED: [502, "The replica failed"],
  FUNCTION_LOAD_FAILED: [502, "The function could not be loaded"],
  REPLICA_EXITED: [502, "The function's process ended"],
  OUT_OF_MEMORY: [502, "The function used more memory than its limit"],
  NO_CAPACITY: [503, "No capacity"],
  TOO_MANY_CONNECTIONS: [503, "Too many connections"],
  START_TIMEOUT: [503, "No replica was ready in time"],
  IMAGE_PULL_FAILED: [502, "The image cannot be pulled"],
  CONTAINER_REFUSED: [502, "The container cannot be started"],
  SECRET_UNAVAILABLE: [503, "A secret has no value"],
  UNSCHEDULABLE: [503, "No node has room for a replica"],
  REPLICAS_LIMITED: [503, "The organization's limits have no room for a replica"],
  POD_REFUSED: [502, "The cluster refuses the replica"],
  SERVER_STOPPING: [503, "The server is stopping"],
  FUNCTION_TIMEOUT: [504, "The function took too long"],

  // The control server itself.
  INTERNAL: [500, "Internal error"],
  STORAGE_FULL: [507, "Insufficient storage"],
  STATE_DAMAGED: [500, "Damaged state file"],
  STATE_LOCKED: [500, "Another server uses this data folder"],
  PORT_IN_USE: [500, "Port in use"],
  ISOLATION_UNAVAILABLE: [500, "Functions cannot be kept apart here"],
  CERTIFICATE_INVALID: [500, "The server's certificate cannot be used"],
  CERTIFICATE_UNTRUSTED: [502, "The server's certificate is not trusted"],
  TLS_REQUIRED: [400, "This port speaks HTTPS"],
  RUNTIME_MISSING: [500, "Runtime not installed"],
  CLUSTER_UNREACHABLE: [503, "The Kubernetes API server does not answer"],
  CLUSTER_FORBIDDEN: [502, "The cluster does not allow it"],
  CLUSTER_REFUSED: [502, "The cluster refuses a request"],
  CLUSTER_CONFIG_INVALID: [500, "No usable kubeconfig"],
  NAMESPACE_TAKEN: [409, "The namespace is somebody else's"],
  NAMESPACE_TERMINATING: [503, "The namespace is being deleted"],
  VOLUME_UNBOUND: [503, "The server's volume cannot be had"],
  SERVER_NOT_READY: [503, "The installed server does not answer"],
  METRICS_MISSING: [422, "The cluster has no metrics server"],
  CAPABILITY_MISSING: [422, "Not supported by this platform"],

  // The CLI and the builder; never sent over HTTP.
  USAGE: [400, "Wrong usage"],
  NOT_IDLE: [409, "The endpoint is not idle"],
  SERVER_UNREACHABLE: [503, "No server answers"],
  SERVER_INCOMPATIBLE: [502, "Unexpected response from the server"],
  SERVER_NOT_RUNNING: [500, "No server runs"],
  ANSWER_INCOMPLETE: [502, "The answer broke off"],
  DEPLOY_FAILED: [500, "The deployment failed"],
  CONFIG_INVALID: [400, "Invalid faas.json"],
  FILES_EXIST: [400, "Files are in the way"],
  SOURCE_UNREADABLE: [400, "Source folder cannot be read"],
  SOURCE_EMPTY: [400, "Source folder is empty"],
  SOURCE_TOO_LARGE: [413, "Source folder too large"],
  RUNTIME_UNKNOWN: [400, "Runtime not recognized"],
  HANDLER_NOT_FOUND: [400, "Handler not found"],
  MANIFEST_INVALID: [400, "Invalid dependency manifest"],
  INSTALL_FAILED: [500, "Dependencies could not be installed"],
  BUILD_FAILED: [500, "The build failed"],
  DOCKER_UNREACHABLE: [503, "No Docker engine answers"],
  REGISTRY_UNREACHABLE: [503, "The registry does not answer"],
  REGISTRY_DENIED: [403, "The registry refuses access"],
  PUSH_FAILED: [502, "The image could not be pushed"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof errorCodes;

/** An error with a stable code. `message` is the detail that users read: what was expected, what came, what to do. */
export class FaasError extends Error {
  override readonly name = "FaasError";
  readonly code: ErrorCode;
  /** HTTP status that it is answered with. */
  readonly status: number;
  /** More fields of the problem document, for instance `suggestion` or `lastLogLines`. */
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    detail: string,
    options: { cause?: unknown; extensions?: Record<string, unknown> } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = errorCodes[code][0];
    this.extensions = options.extensions ?? {};
  }
}

export const errorCodeSchema = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]);

/** Schema of a problem document (RFC 9457), media type `application/problem+json`. Some codes have fields of their own, such as `suggestion`. */
export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: errorCodeSchema,
    requestId: z.string().optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457" });
export type Problem = Immutable<z.infer<typeof problemSchema>>;

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** The problem document of any error. What is not a FaasError is a bug of ours and tells the client nothing but that. */
export function toProblem(error: unknown, requestId?: string): Problem {
  const known =
    error instanceof FaasError ? error : new FaasError("INTERNAL", "The server failed; its log has the details");
  return {
    type: `urn:faas:error:${known.code}`,
    title: errorCodes[known.code][1],
    status: known.status,
    detail: known.message,
    code: known.code,
    ...(requestId === undefined ? {} : { requestId }),
    ...known.extensions,
  };
}
