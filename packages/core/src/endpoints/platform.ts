import { z } from "zod";
import type { ExportedObject } from "../api/export-responses.ts";
import { errorCodeSchema } from "../api/problem.ts";
import type { FaasError } from "../errors.ts";
import type { Immutable } from "../immutable.ts";
import type { Limits } from "../organizations/limits.ts";
import type { Artifact, EndpointSpec } from "./endpoint.ts";
import type { EndpointRef } from "./endpoint-key.ts";
import type { SecretVersion } from "./secrets.ts";
import type { Scaler } from "./settings.ts";

/** Interface between the control server and the systems that run replicas. `test/platform/contract.ts` tests it for every platform. */

/** A connected `Socket` of `node:net`. */
export interface ReplicaSocket extends NodeJS.ReadWriteStream {
  setNoDelay(noDelay: boolean): unknown;
  destroy(): unknown;
}

/** A running wrapper or server, as the gateway sees it. */
export interface Replica {
  readonly id: string;
  /** Address: `host:port`, or `unix:` and the path of a Unix socket. */
  readonly address: string;
  /** Opens a connection to a replica that its platform alone can reach, whose address only identifies it. Absent: it listens at the address. */
  readonly connect?: () => Promise<ReplicaSocket>;
  /** True if its ready probe succeeded and it is not being stopped. */
  readonly ready: boolean;
  readonly revision: string;
  /** Current CPU limit, on platforms that enforce one. A starting replica may have more than its endpoint. */
  readonly cpuMillis?: number;
  /** Reads the resident memory of its processes. Absent: its platform does not measure it. */
  readonly memoryBytes?: () => number;
  /** Observed stages of its start, in order. */
  readonly start?: readonly StartStage[];
  /** Resources that it reserves on its machine. Absent: none, or its platform does not choose the machine yet. */
  readonly reserved?: ReservedOnNode;
}

/** Resources that one replica reserves. */
export interface ReplicaRequests {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/** Resources that a replica reserves on a machine of the platform. */
export interface ReservedOnNode extends ReplicaRequests {
  /** Name of the machine. */
  readonly node: string;
}

/** Resource of which machines can have too little for a replica: `pods` is their number on a machine. */
export type NodeResource = "cpu" | "memory" | "pods";

/** Replicas that no machine has room for at the moment, although one is large enough. */
export interface LackingRoom {
  /** Number of such replicas. */
  readonly replicas: number;
  /** Resources that each of them reserves. */
  readonly each: ReplicaRequests;
  readonly resources: readonly NodeResource[];
  /** The platform's words. */
  readonly detail: string;
}

/** CPU of each replica of an endpoint. */
export interface ReplicaCpu {
  /** CPU limit. */
  readonly limitMillis: number;
  /** CPU limit for which the platform reserves resources, as far as it reserves any: at most `limitMillis`. */
  readonly reservedMillis: number;
}

/** Schema of a moment of a replica's start. */
export const startStageSchema = z.object({
  stage: z.string().describe('In words: "scheduled", "container runs" …'),
  atMs: z.number().describe("Milliseconds since the replica was requested"),
});
export type StartStage = Immutable<z.infer<typeof startStageSchema>>;

/** Schema of the reason why a revision does not run: its code does not load, its process exits, its image cannot be pulled … */
export const replicaFailureSchema = z
  .object({
    revision: z.string(),
    code: errorCodeSchema,
    detail: z.string().describe("For the person who deployed: what happened, with file and line where known"),
    lastLogLines: z.array(z.string()).describe("The last lines that the replica printed, oldest first"),
  })
  .meta({ id: "ReplicaFailure", description: "Why a revision does not run" });
export type ReplicaFailure = Immutable<z.infer<typeof replicaFailureSchema>>;

/** A replica whose process exited without being stopped. */
export interface EndedReplica extends ReplicaFailure {
  readonly id: string;
  /** True if something outside of it killed it; absent if it exited by itself, or ran out of its limits. */
  readonly killed?: boolean;
}

/** Observed status of an endpoint, never the desired one. */
export interface EndpointStatus extends EndpointRef {
  /** Revision that was applied last. */
  readonly revision: string;
  readonly replicas: readonly Replica[];
  /** Set while replicas of the applied revision fail to start; cleared when one becomes ready. */
  readonly failure?: ReplicaFailure;
  /** Last few replicas that were ready and exited, oldest first: the reasons why their requests failed. */
  readonly ended?: readonly EndedReplica[];
  /** Reason why not all of the endpoint's replicas have the CPU limit and the reservation of the last `setCpu`; absent if they have, or are about to. */
  readonly cpuPending?: string;
  /** Number of replicas that a gateway started while it had no control server, and which is now the desired one; absent after the next `scale`. */
  readonly woken?: number;
  /** Set while replicas wait for room that others may give them. */
  readonly lacksRoom?: LackingRoom;
}

export interface Platform extends AsyncDisposable {
  readonly name: string;
  /** Type of the artifacts that the platform runs. */
  readonly accepts: Artifact["kind"];
  /** Scalers that the platform supports. */
  readonly scalers: readonly Scaler[];
  /** Reason why nothing can be started or changed yet: the system that runs replicas has not been reachable since the server's start. */
  readonly notReady?: FaasError | undefined;
  /** Mechanism that isolates functions from the server's files and processes, or "none: " and the reason. Absent: they run on other machines. */
  readonly isolation?: string;
  /** Returns the platforms of the machines that run images, such as `linux/amd64`. Absent: they run on one machine. */
  imagePlatforms?(): Promise<readonly string[]>;
  /**
   * Creates or replaces an endpoint; resolves when accepted, not when ready. Keeps the number of replicas: a new endpoint has none
   * until `scale`. Replicas of an older revision serve until as many of the new one are ready, and then drain; if the new one
   * fails, they stay. Applying the older spec again abandons the newer one.
   */
  apply(spec: EndpointSpec, signal?: AbortSignal): Promise<void>;
  /**
   * Sets the number of replicas; 0 drains all of them and keeps the endpoint. Resolves when accepted.
   *
   * @throws ENDPOINT_NOT_FOUND if the endpoint was never applied
   */
  scale(ref: EndpointRef, replicas: number, signal?: AbortSignal): Promise<void>;
  /**
   * Changes the CPU of all replicas of an endpoint in place, present and future ones, until the next call. Returns at once; what cannot be done
   * is in the status (`cpuPending`). Absent: the platform does not enforce CPU limits.
   */
  setCpu?(ref: EndpointRef, cpu: ReplicaCpu): void;
  /** Drains and removes the endpoint; resolves when it no longer serves. Succeeds if it does not exist. */
  remove(ref: EndpointRef, signal?: AbortSignal): Promise<void>;
  /** Drains and removes all endpoints of an organization, and its other data. */
  removeOrg(org: string, signal?: AbortSignal): Promise<void>;
  /** Rejects if the platform cannot currently run the spec, for example with METRICS_MISSING. Absent: `accepts` and `scalers` decide. */
  check?(spec: EndpointSpec, signal?: AbortSignal): Promise<void>;
  /** Builds the objects that run a revision on the platform without faas, for `faas export`. Absent: the platform has no such objects. */
  exportObjects?(spec: EndpointSpec): readonly ExportedObject[];
  /** Limits of an organization without its own. Absent: none. */
  readonly defaultLimits?: Limits;
  /** Prepares an organization before its first endpoint, or changes the limits that the platform enforces. Absent: nothing to prepare. */
  applyOrg?(org: string, limits: Limits, signal?: AbortSignal): Promise<void>;
  /** Stores the credentials with which nodes pull the organization's images: the text of a Docker `config.json`. Absent: the platform pulls no images. */
  registryLogin?(org: string, dockerConfigJson: string, signal?: AbortSignal): Promise<void>;
  /**
   * Reads these credentials, for the server's own requests to registries on behalf of the organization; `undefined` without. Absent: the platform has none.
   *
   * @throws CLUSTER_*
   */
  readRegistryLogin?(org: string, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * Stores a version of an organization's secret for the replicas whose spec has that version; `applyOrg` was called before. Resolves when
   * the value is durable. Only the platform stores it.
   */
  putSecret(org: string, secret: SecretVersion, value: string, signal?: AbortSignal): Promise<void>;
  /**
   * Reads the value of a stored version, for the server's own use: the verification of webhooks.
   *
   * @throws SECRET_UNAVAILABLE, CLUSTER_*
   */
  readSecret(org: string, secret: SecretVersion, signal?: AbortSignal): Promise<string>;
  /** Removes a version of a secret that no spec has any longer. Succeeds if it does not exist. */
  removeSecret(org: string, secret: SecretVersion, signal?: AbortSignal): Promise<void>;
  /** Ends the replicas that another server, which was killed, left behind in its folder for the files of its processes. Absent: replicas are not processes of a server. */
  cleanUp?(workDir: string): void;
  /** Yields the whole list immediately, and again after every change. Ends when the signal aborts. */
  watch(signal: AbortSignal): AsyncIterable<readonly EndpointStatus[]>;
  /**
   * Yields the names of the gateways that run on the platform, as soon as they are known and again after every change. Ends when the signal aborts. Absent: there
   * are none.
   */
  gateways?(signal: AbortSignal): AsyncIterable<readonly string[]>;
}
