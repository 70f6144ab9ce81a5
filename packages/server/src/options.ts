import type { RequestListener } from "node:http";
import type { EndpointRef, Registry } from "@faas/core";
import type { CertificateFiles, ConnectionLimits, RequestReport } from "@faas/gateway";
import type { IsolationMode } from "@faas/platforms";
import type { DestinationStream } from "pino";
import type { BundleStore } from "./bundles/bundle-store.ts";
import type { GatewaysOptions } from "./gateways/options.ts";
import type { GatewaySessions } from "./gateways/session-info.ts";
import type { Clock } from "./schedules/clock.ts";

/** Options of a control server. */
export interface ServerOptions {
  /**
   * Address to listen on.
   *
   * @defaultValue 127.0.0.1
   */
  readonly host?: string;
  /**
   * Port to listen on; 0 for a free one.
   *
   * @defaultValue 8887
   */
  readonly port?: number;
  /** Folder for state, bundles and logs. */
  readonly dataDir: string;
  /** Certificates for HTTPS, chosen by the name that a client asks for; the first is the default. HTTP without. */
  readonly tls?: CertificateFiles | readonly CertificateFiles[];
  /**
   * Require keys.
   *
   * @defaultValue true, except where it and its gateways listen on loopback addresses
   */
  readonly auth?: boolean;
  /** File with the id and the hash of an admin key (`formatVerifier`), for operators who keep the key elsewhere. */
  readonly adminKeyFile?: string;
  /** Prefixes of registries and repositories that images may come from, in which {org} is the organization; `*` allows all. */
  readonly allowImages?: readonly string[];
  /** File with the token of the registries that notify this server of pushed images. Absent: it takes no notifications. */
  readonly registryHookTokenFile?: string;
  /**
   * Time to wait for a server on another host that holds the data folder and may be stopping.
   *
   * @defaultValue 0
   */
  readonly lockTimeoutMs?: number;
  /**
   * Prewarmed processes per runtime, on this machine.
   *
   * @defaultValue 0
   */
  readonly poolSize?: number;
  /**
   * Sandbox functions on this machine, away from the server's files and processes.
   *
   * @defaultValue auto
   */
  readonly isolation?: IsolationMode;
  /** Files and folders that sandboxed functions may read in addition to the system's. */
  readonly readable?: readonly string[];
  /** Returns the folder of an endpoint's author, in which the paths in its output are shown; without it they are relative. */
  readonly sourceFolder?: (ref: EndpointRef) => string | undefined;
  /** Runs replicas in a cluster; absent: as child processes of this one. */
  readonly kubernetes?: KubernetesServerOptions;
  /**
   * Limits of client connections.
   *
   * @defaultValue derived from the limit of open files
   */
  readonly connections?: Partial<ConnectionLimits>;
  /**
   * Log level of pino, or silent.
   *
   * @defaultValue info
   */
  readonly logLevel?: string;
  /**
   * Destination of log lines.
   *
   * @defaultValue stderr
   */
  readonly logTo?: DestinationStream;
  /**
   * Largest bundle in bytes.
   *
   * @defaultValue 512 MiB
   */
  readonly bundleLimitBytes?: number;
  /**
   * Record a line for each call in the log of its endpoint.
   *
   * @defaultValue true
   */
  readonly accessLog?: boolean;
  /**
   * Store with each printed line the id of the call that printed it.
   *
   * @defaultValue true
   */
  readonly logRequestIds?: boolean;
  /** Serves calls by gateways in other processes. Absent: in this one. */
  readonly gateways?: GatewaysOptions;
  /** Server to take over from: its port is shared, and its replicas are started here before calls are served. */
  readonly predecessor?: Predecessor;
  /** NATS server that keeps the messages of the queue. Absent: they are in the data folder. */
  readonly queue?: QueueServerOptions;
  /** Environment with the variables of OpenTelemetry. Without them nothing is traced. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Clock of schedules, which tests move. @defaultValue the system's */
  readonly clock?: Clock;
  /** Called after each invocation: for `faas dev`. */
  readonly onRequest?: (report: RequestReport) => void;
}

/** Place of the queue on a NATS server. */
export interface QueueServerOptions {
  /** `nats://[USER:PASSWORD@]HOST[:PORT][?stream=NAME&replicas=N]`, or `tls://…`. */
  readonly url: string;
  /** File with a user's JWT and key. */
  readonly credentialsFile?: string;
}

/** A server that another one takes over from. It has released the data folder, and serves calls until the other one is ready. */
export interface Predecessor {
  /** Port that it listens on, which can be shared. */
  readonly port: number;
  /** Folder within the data folder for the files of its processes, which cannot be shared. */
  readonly workDir: string;
  /** Keys of endpoints, and how many replicas they have. */
  readonly replicas: readonly (readonly [key: string, replicas: number])[];
}

/** Returns the certificates in the options. */
export const certificatesIn = ({ tls = [] }: Pick<ServerOptions, "tls">): readonly CertificateFiles[] => [tls].flat();

/** Options of a control server whose replicas run in a cluster. */
export interface KubernetesServerOptions {
  /** Registry that images are pushed to and pulled from. */
  readonly registry?: Registry;
  /** Registry with copies of Docker Hub's official images, for the base images of functions. Absent: Docker Hub. */
  readonly baseRegistry?: string;
  /** CPU limit while a replica starts. */
  readonly startupCpuMillis?: number;
  /** CPU limit that load may raise that of a replica to, where an endpoint's settings name none. Absent: it is not raised. */
  readonly cpuMaxMillis?: number;
  /**
   * Time for a replica to start.
   *
   * @defaultValue 60
   */
  readonly startSeconds?: number;
  /**
   * Warm pods per environment of an organization without a limit of its own.
   *
   * @defaultValue 1
   */
  readonly poolSize?: number;
  /** Namespace of this server, when it runs in the cluster. */
  readonly namespace?: string;
  /**
   * Context of the kubeconfig.
   *
   * @defaultValue the current context
   */
  readonly context?: string;
}

/** Server that accepts requests. */
export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** True when keys are required. */
  readonly auth: boolean;
  /** Token of the admin key that this start created because there was none. It cannot be shown again. */
  readonly adminToken?: string;
  /** Gateways in other processes, and the address that they connect to (`unix:PATH` or `http://HOST:PORT`); absent without `ServerOptions.gateways`. */
  readonly gateways?: { readonly sessions: GatewaySessions; readonly control: string };
  /** Serves a folder as the bundle of a digest, without a copy: for `faas dev`. */
  readonly bundles: BundleStore;
  /** Handler of the control API. */
  readonly control: RequestListener;
  /** Gives up the data folder, and serves calls until `stop`: for another server that takes over. Requests to the control API wait for it. */
  release(): Promise<Predecessor>;
  /** Passes requests to the control API on to the server that has taken over. */
  forwardControl(listener: RequestListener): void;
  /** To be called when the server that this one took over from has ended: ends the replicas that it left behind if it was killed. */
  cleanUpAfter(predecessor: Predecessor): void;
  /** Finishes the requests in flight, for at most 10 s, and ends every replica. */
  stop(): Promise<void>;
  /** Rejects with STATE_LOCKED when another server has taken the data folder over: then this one has to be stopped. Never resolves. */
  readonly lost: Promise<never>;
}
