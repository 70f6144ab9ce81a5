/** Every error that a user can see: stable code, HTTP status and title. `docs/errors.md` explains each. */

export const errorCodes = {
  // Client errors of the control API and the gateway.
  MALFORMED_JSON: [400, "Malformed JSON"],
  INVALID_REQUEST: [400, "Invalid request"],
  INVALID_NAME: [400, "Invalid name"],
  INVALID_PATH: [400, "Invalid path"],
  CLOUDEVENT_INVALID: [400, "Invalid CloudEvent"],
  UNAUTHENTICATED: [401, "Missing or invalid key"],
  HOOK_SIGNATURE_INVALID: [401, "Invalid webhook signature"],
  FORBIDDEN: [403, "Insufficient key scope"],
  IMAGE_NOT_ALLOWED: [403, "Image not allowed"],
  HOSTNAME_NOT_ALLOWED: [403, "Hostname not allowed"],
  DESTINATION_NOT_ALLOWED: [403, "Destination not allowed"],
  SUBJECT_NOT_ALLOWED: [403, "NATS subject not allowed"],
  RESOURCE_NOT_ALLOWED: [403, "Extended resource not allowed"],
  NOT_FOUND: [404, "Not found"],
  KEY_NOT_FOUND: [404, "Key not found"],
  ORG_NOT_FOUND: [404, "Organization not found"],
  ENDPOINT_NOT_FOUND: [404, "Endpoint not found"],
  REVISION_NOT_FOUND: [404, "Revision not found"],
  SECRET_NOT_FOUND: [404, "Secret not found"],
  HOOK_NOT_FOUND: [404, "Webhook not found"],
  CALL_NOT_FOUND: [404, "Asynchronous call not found"],
  SCHEDULE_NOT_FOUND: [404, "Schedule not found"],
  BUNDLE_NOT_FOUND: [404, "Bundle not found"],
  METHOD_NOT_ALLOWED: [405, "Method not allowed"],
  REQUEST_TIMEOUT: [408, "Request timeout"],
  DEPLOYMENT_IN_PROGRESS: [409, "Another deployment is in progress"],
  CALL_NOT_ENDED: [409, "The asynchronous call has no response yet"],
  LIMIT_EXCEEDED: [409, "Organization limit exceeded"],
  HOSTNAME_TAKEN: [409, "Hostname in use"],
  HOOK_NAME_TAKEN: [409, "Name of a webhook in use"],
  TOOL_NAME_TAKEN: [409, "Name of a tool in use"],
  SECRET_IN_USE: [409, "Secret in use"],
  BODY_TOO_LARGE: [413, "Request body too large"],
  SECRETS_FULL: [413, "Too many secrets"],
  BUNDLE_TOO_LARGE: [413, "Bundle too large"],
  EXPECTATION_FAILED: [417, "Expectation failed"],
  HOST_REFUSED: [421, "Host not allowed"],
  UNSUPPORTED_MEDIA_TYPE: [415, "Unsupported media type"],
  BUNDLE_DIGEST_MISMATCH: [422, "Bundle does not match its digest"],
  BUNDLE_INVALID: [422, "Invalid bundle"],
  ARTIFACT_UNSUPPORTED: [422, "Artifact not supported by this platform"],
  EXPORT_UNSUPPORTED: [422, "Export not supported by this platform"],
  SCALER_UNSUPPORTED: [422, "Scaler not supported by this platform"],
  SOURCE_UNSUPPORTED: [422, "The server has no NATS for sources"],
  SCHEDULE_NEVER_DUE: [422, "The schedule is never due"],
  UPGRADE_REQUIRED: [426, "Another protocol is required"],
  RATE_LIMITED: [429, "Too many requests"],
  CONCURRENCY_LIMITED: [429, "Too many concurrent requests"],
  CALLS_LIMITED: [429, "Too many asynchronous calls wait"],
  HOOK_LIMITED: [429, "Too many unverified webhooks"],
  HEADERS_TOO_LARGE: [431, "Request header fields too large"],

  // Failed calls.
  FUNCTION_ERROR: [500, "The function threw an error"],
  INVALID_RESPONSE: [500, "The function returned an invalid response"],
  REPLICA_FAILED: [502, "The replica failed"],
  FUNCTION_LOAD_FAILED: [502, "The function could not be loaded"],
  REPLICA_EXITED: [502, "The function's process exited"],
  OUT_OF_MEMORY: [502, "The function exceeded its memory limit"],
  OUT_OF_DISK: [502, "The function exceeded its disk limit"],
  NO_CAPACITY: [503, "No capacity"],
  TOO_MANY_CONNECTIONS: [503, "Too many connections"],
  START_TIMEOUT: [503, "No replica became ready in time"],
  IMAGE_PULL_FAILED: [502, "The image cannot be pulled"],
  CONTAINER_REFUSED: [502, "The container cannot be started"],
  SECRET_UNAVAILABLE: [503, "A secret's value is missing"],
  UNSCHEDULABLE: [503, "No node has capacity for a replica"],
  REPLICAS_LIMITED: [503, "The organization's limits do not allow another replica"],
  POD_REFUSED: [502, "The cluster rejects the pod"],
  SERVER_STOPPING: [503, "The server is stopping"],
  CONTROL_SERVER_AWAY: [503, "The control server does not respond"],
  DESTINATION_FAILED: [502, "The destination did not respond"],
  LOOP_DETECTED: [508, "Asynchronous calls lead to each other"],
  REPLICA_CLAIMED: [409, "The replica has a function already"],
  FUNCTION_TIMEOUT: [504, "The function timed out"],

  // The control server itself.
  INTERNAL: [500, "Internal error"],
  QUEUE_FAILED: [503, "The queue could not store a change"],
  QUEUE_UNAVAILABLE: [503, "The queue's server does not respond"],
  QUEUE_CONFIG_INVALID: [500, "The queue's server has other settings than needed"],
  STORAGE_FULL: [507, "Insufficient storage"],
  STATE_DAMAGED: [500, "Damaged state file"],
  STATE_LOCKED: [500, "Another server uses this data folder"],
  PORT_IN_USE: [500, "Port in use"],
  ISOLATION_UNAVAILABLE: [500, "Functions cannot be isolated on this machine"],
  CERTIFICATE_INVALID: [500, "The server's certificate is invalid"],
  CERTIFICATE_UNTRUSTED: [502, "The server's certificate is not trusted"],
  TLS_REQUIRED: [400, "This port requires HTTPS"],
  RUNTIME_MISSING: [500, "Runtime not installed"],
  CLUSTER_UNREACHABLE: [503, "The Kubernetes API server does not respond"],
  CLUSTER_FORBIDDEN: [502, "The cluster denies a permission"],
  CLUSTER_REFUSED: [502, "The cluster rejects an object"],
  CLUSTER_CONFIG_INVALID: [500, "Missing or invalid kubeconfig"],
  NAMESPACE_TAKEN: [409, "The namespace belongs to somebody else"],
  NAMESPACE_TERMINATING: [503, "The namespace is being deleted"],
  VOLUME_UNBOUND: [503, "The server's volume is unavailable"],
  SERVER_NOT_READY: [503, "The installed server is not ready"],
  IMAGE_NOT_FOUND: [422, "The registry has no such image"],
  REGISTRY_UNREACHABLE: [503, "The registry does not respond"],
  REGISTRY_DENIED: [403, "The registry denies access"],
  GATEWAY_API_MISSING: [422, "The cluster has no Gateway API"],
  METRICS_MISSING: [422, "The cluster has no metrics server"],
  CAPABILITY_MISSING: [422, "Not supported by this platform"],

  // The CLI and the builder; never sent over HTTP.
  USAGE: [400, "Invalid usage"],
  NOT_IDLE: [409, "The endpoint is not idle"],
  SERVER_UNREACHABLE: [503, "No server responds"],
  SERVER_INCOMPATIBLE: [502, "Unexpected response from the server"],
  SERVER_NOT_RUNNING: [500, "No server is running"],
  ANSWER_INCOMPLETE: [502, "Incomplete response"],
  CANARY_FAILED: [500, "The canary went back to the previous revision"],
  CANARY_NOT_FOUND: [404, "No canary is in progress"],
  DEPLOY_FAILED: [500, "The deployment failed"],
  CONFIG_INVALID: [400, "Invalid configuration file"],
  FILES_EXIST: [400, "Files already exist"],
  SOURCE_UNREADABLE: [400, "Source folder cannot be read"],
  SOURCE_EMPTY: [400, "Source folder is empty"],
  SOURCE_TOO_LARGE: [413, "Source folder too large"],
  RUNTIME_UNKNOWN: [400, "Runtime not detected"],
  HANDLER_NOT_FOUND: [400, "Handler not found"],
  MANIFEST_INVALID: [400, "Invalid dependency manifest"],
  INSTALL_FAILED: [500, "Dependencies could not be installed"],
  NO_PREBUILT_PACKAGE: [422, "A package is not available for the platform"],
  BUILD_FAILED: [500, "The build failed"],
  DOCKER_UNREACHABLE: [503, "No Docker engine responds"],
  PUSH_FAILED: [502, "The image could not be pushed"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof errorCodes;

/** Returns a code that another process sent, or, if it is of a newer release and not known here, another one. */
export const knownCode = (code: string, otherwise: ErrorCode): ErrorCode =>
  Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : otherwise;

/** An error with a stable code. `message` is the detail for users: the problem, its cause, and what to do. */
export class FaasError extends Error {
  override readonly name = "FaasError";
  readonly code: ErrorCode;
  /** HTTP status of the response. */
  readonly status: number;
  /** Additional fields of the problem document, for example `suggestion` or `lastLogLines`. */
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
