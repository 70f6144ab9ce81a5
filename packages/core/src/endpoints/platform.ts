import type { ErrorCode, FaasError } from "../errors.ts";
import type { Limits } from "../organizations/limits.ts";
import type { Artifact, EndpointRef, EndpointSpec } from "./endpoint.ts";
import type { SecretVersion } from "./secrets.ts";
import type { Scaler } from "./settings.ts";

/** The one seam between the control server and what runs replicas. `test/platform/contract.ts` says what every platform does. */

/** One running wrapper, as the gateway sees it. */
export interface Replica {
  readonly id: string;
  /** Where it listens: `host:port`, or `unix:` and the path of a Unix socket. */
  readonly address: string;
  /** It answered its ready probe and is not being stopped. */
  readonly ready: boolean;
  readonly revision: string;
  /** CPU limit that it has now, where the platform enforces one: a replica that starts may have more than its endpoint. */
  readonly cpuMillis?: number;
  /** How its start went, in the order in which it was seen; as far as it was. */
  readonly start?: readonly StartStage[];
}

/** A moment of a replica's start. */
export interface StartStage {
  /** In words: "scheduled", "container runs" … */
  readonly stage: string;
  /** Milliseconds since the replica was asked for. */
  readonly atMs: number;
}

/** Why a revision does not run: its code does not load, its process dies, its image cannot be pulled … */
export interface ReplicaFailure {
  readonly revision: string;
  readonly code: ErrorCode;
  /** For the person who deployed: what happened, with file and line where known. */
  readonly detail: string;
  /** The last lines that the replica printed, oldest first. */
  readonly lastLogLines: readonly string[];
}

/** A replica whose process ended though nobody stopped it. */
export interface EndedReplica extends ReplicaFailure {
  readonly id: string;
}

/** What runs now: observed, never desired. */
export interface EndpointStatus extends EndpointRef {
  /** The revision applied last. */
  readonly revision: string;
  readonly replicas: readonly Replica[];
  /** Set while replicas of the applied revision fail to start; cleared by the next one that gets ready. */
  readonly failure?: ReplicaFailure;
  /** The last few replicas that were ready and ended all the same, oldest first: why requests that they had got no answer. */
  readonly ended?: readonly EndedReplica[];
}

export interface LogLine {
  /** RFC 3339 with milliseconds, UTC. */
  readonly time: string;
  readonly replica: string;
  readonly revision: string;
  readonly stream: "stdout" | "stderr";
  readonly line: string;
}

export interface LogOptions {
  /** Goes on with new lines, over replicas and revisions, until the signal aborts. */
  readonly follow?: boolean;
  /** At most so many of the past lines; all that are kept when absent. */
  readonly tail?: number;
  /** Only lines from this time on, milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** Only lines of this replica. */
  readonly replica?: string;
  readonly signal?: AbortSignal;
}

/** Log of one endpoint. */
export interface EndpointLog {
  /** Appends a line. When it returns a promise, the writer has to wait for it before it appends more. */
  append(line: LogLine): Promise<void> | undefined;
  /** Reads lines, oldest first. */
  read(options: LogOptions): AsyncIterable<LogLine>;
}

/** Logs of endpoints, where a platform writes the lines that replicas print. The control server owns and removes them. */
export interface LogSink {
  open(ref: EndpointRef): EndpointLog;
}

/** Discards all lines. */
export const NO_LOGS: LogSink = { open: () => ({ append: () => undefined, async *read() {} }) };

export interface Platform extends AsyncDisposable {
  readonly name: string;
  /** The kind of artifact that it runs. */
  readonly accepts: Artifact["kind"];
  /** The scalers that work here. */
  readonly scalers: readonly Scaler[];
  /** Why nothing can be started or changed yet: what runs replicas has not been reached since the server began. Undefined, or absent: it can. */
  readonly notReady?: FaasError | undefined;
  /** How functions are kept from the server's files and processes, or "none: " and why they are not. Absent: they run elsewhere. */
  readonly isolation?: string;
  /**
   * Creates or replaces; resolves when accepted, not when ready. Keeps the number of replicas: a new endpoint has none until
   * `scale`. Replicas of an older revision serve until as many of the new one are ready, and then drain; while the new one
   * fails, they stay. Applying the older spec again gives the newer one up.
   */
  apply(spec: EndpointSpec, signal?: AbortSignal): Promise<void>;
  /** Sets the number of replicas; 0 drains every one and keeps the endpoint. Resolves when accepted. Rejects with ENDPOINT_NOT_FOUND for what was never applied. */
  scale(ref: EndpointRef, replicas: number, signal?: AbortSignal): Promise<void>;
  /** Drains and forgets the endpoint; resolves when it no longer serves. Succeeds if already gone. */
  remove(ref: EndpointRef, signal?: AbortSignal): Promise<void>;
  /** The same for all that an organization has. */
  removeOrg(org: string, signal?: AbortSignal): Promise<void>;
  /** Rejects when the platform as it is now could not run it, for instance METRICS_MISSING. Absent: it can run all that its `accepts` and `scalers` say. */
  check?(spec: EndpointSpec, signal?: AbortSignal): Promise<void>;
  /** Limits of an organization that has none of its own. Absent: none. */
  readonly defaultLimits?: Limits;
  /** Makes what an organization needs before its first endpoint, or changes its limits as far as the platform holds them too. Absent: the platform needs nothing. */
  applyOrg?(org: string, limits: Limits, signal?: AbortSignal): Promise<void>;
  /** Keeps what nodes need to pull the organization's images: the text of a Docker `config.json`. Absent: the platform pulls nothing. */
  registryLogin?(org: string, dockerConfigJson: string, signal?: AbortSignal): Promise<void>;
  /**
   * Keeps a value of an organization's secret, so that replicas whose spec names that version find it; `applyOrg` was called before. Resolves when it
   * would outlive a restart. Nothing but the platform's own keeping place holds it.
   */
  putSecret(org: string, secret: SecretVersion, value: string, signal?: AbortSignal): Promise<void>;
  /** Forgets it; no spec names it any more. Succeeds if already gone. */
  removeSecret(org: string, secret: SecretVersion, signal?: AbortSignal): Promise<void>;
  /** The whole list at once, then the whole list again on every change. Ends when the signal aborts. */
  watch(signal: AbortSignal): AsyncIterable<readonly EndpointStatus[]>;
}
