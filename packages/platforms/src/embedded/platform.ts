import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  FaasError,
  isLanguage,
  type LogSink,
  mainRef,
  NO_LOGS,
  type Platform,
  type SecretVersion,
} from "@faas/core";
import { runtimeCommand } from "../common/runtime-command.ts";
import { StatusSnapshot } from "../common/status-snapshot.ts";
import { type RuntimeOptions, TAGGED_OUTPUT } from "../common/wrapper-environment.ts";
import { EmbeddedEndpoint, type EndpointHost } from "./endpoint.ts";
import { assertNoExtendedResources } from "./extended-resources.ts";
import { endListenersIn, ProcessRecords } from "./orphan-reaper.ts";
import { CodeSlots, codeKey } from "./prewarm/code-slots.ts";
import { PrewarmPool } from "./prewarm/prewarm-pool.ts";
import type { SandboxContext } from "./prewarm/prewarmed-process.ts";
import { callsRedirected } from "./redirected-calls.ts";
import { createRunFolder } from "./run-folder.ts";
import { hidingPaths, type TemporaryFiles } from "./sandbox/allowed-paths.ts";
import { Landlock } from "./sandbox/landlock.ts";
import { type IsolationMode, Sandbox } from "./sandbox/sandbox.ts";
import { SecretStore } from "./secret-store.ts";
import { ServerSupport } from "./server/server-support.ts";

/** Milliseconds between two checks of the processes' memory. */
const CHECK_INTERVAL_MS = 250;

export interface EmbeddedOptions {
  /** Folder for secrets and caches. */
  readonly dataDir: string;
  /**
   * Folder for what no two servers can share: records of processes, sockets, and the copies of code that processes use. A server that takes over from one that
   * still runs has another one.
   *
   * @defaultValue the data folder
   */
  readonly workDir?: string;
  /** Returns the unpacked bundle with a digest. Rejects with BUNDLE_NOT_FOUND. */
  readonly bundleFolder: (digest: string) => Promise<string>;
  /** @defaultValue this process's own Node */
  readonly node?: string;
  /** @defaultValue FAAS_PYTHON, or `python3` */
  readonly python?: string;
  /**
   * Milliseconds for the user's code to load.
   *
   * @defaultValue 60,000
   */
  readonly startTimeoutMs?: number;
  /**
   * Prewarmed processes per runtime.
   *
   * @defaultValue 0
   */
  readonly poolSize?: number;
  /**
   * When functions are sandboxed.
   *
   * @defaultValue auto
   */
  readonly isolation?: IsolationMode;
  /** Files and folders that sandboxed functions may read in addition to the system's. */
  readonly readable?: readonly string[];
  /** Files outside of the data folder that sandboxed functions must not read, nor any file beside them, such as the key of the server's certificate. */
  readonly hidden?: readonly string[];
  /** Returns the folder of an endpoint's author, in which the paths in output are shown; without it they are relative. */
  readonly sourceFolder?: (ref: EndpointRef) => string | undefined;
  /**
   * Store with each line the id of the call that printed it.
   *
   * @defaultValue true
   */
  readonly logRequestIds?: boolean;
  /** Resolves when no gateway sends calls to a replica any more that is about to get SIGTERM. */
  readonly beforeStop?: (ref: EndpointRef, replica: string) => Promise<void>;
  /** Receiver of the lines that replicas print; absent to discard them. */
  readonly logs?: LogSink;
  readonly log?: { info(message: string): void; warn(message: string): void };
}

/** Runs replicas as child processes of the server. */
export class EmbeddedPlatform implements Platform {
  readonly name = "embedded";
  readonly accepts = "bundle";
  readonly scalers = ["concurrency", "fixed"] as const;
  readonly #options: Pick<EmbeddedOptions, "log">;
  readonly #isolation: string;
  readonly #dataDir: string;
  readonly #workDir: string;
  readonly #runFolder: string;
  readonly #host: EndpointHost;
  readonly #prewarmPool: PrewarmPool;
  readonly #sandboxContext: SandboxContext | undefined;
  readonly #servers: ServerSupport;
  readonly #secrets: SecretStore;
  readonly #endpoints = new Map<string, EmbeddedEndpoint>();
  #isClosed = false;
  /** Endpoints that have processes, or had some at the last check: only these are checked. */
  readonly #active = new Set<EmbeddedEndpoint>();
  readonly #statuses = new StatusSnapshot();
  /** Cleans up if the process exits without disposing of this platform, for example after a second Ctrl-C. */
  readonly #onExit: () => void;
  #checkTimer: NodeJS.Timeout | undefined;

  /**
   * Ends the processes that a previous server on the same data folder left behind.
   *
   * @throws ISOLATION_UNAVAILABLE
   */
  constructor(options: EmbeddedOptions) {
    this.#options = options;
    this.#dataDir = resolve(options.dataDir);
    this.#workDir = resolve(options.workDir ?? options.dataDir);
    const landlock = findLandlock(options.isolation);
    const isSandboxed = typeof landlock !== "string";
    this.#isolation = isSandboxed ? describeSandbox(landlock, options.isolation) : `none: ${landlock}`;
    if (isSandboxed) options.log?.info(`functions are sandboxed: ${this.#isolation}`);
    else if (landlock !== "off")
      options.log?.warn(
        `functions can read and write all files that the server can, also its data folder: ${landlock}`,
      );
    this.#runFolder = createRunFolder(this.#workDir, isSandboxed);
    const records = new ProcessRecords(join(this.#workDir, "run"));
    logOrphans(endReplicasOf(records, this.#runFolder), options);
    this.#onExit = () => {
      records.endOrphans();
      rmSync(this.#runFolder, { recursive: true, force: true });
    };
    process.once("exit", this.#onExit);
    const runtimeOptions = {
      node: options.node ?? process.execPath,
      python: options.python ?? process.env.FAAS_PYTHON ?? "python3",
      runFolder: this.#runFolder,
      cacheFolder: join(this.#dataDir, "cache"),
    };
    if (isSandboxed) this.#sandboxContext = this.#createSandbox(landlock, runtimeOptions, options);
    this.#prewarmPool = new PrewarmPool(options.poolSize ?? 0, runtimeOptions, this.#sandboxContext);
    this.#servers = new ServerSupport(runtimeOptions, this.#sandboxContext?.sandbox, options.isolation, (message) =>
      options.log?.warn(message),
    );
    this.#secrets = new SecretStore(this.#dataDir);
    this.#host = {
      processOptions: {
        ...runtimeOptions,
        outputVariables: options.logRequestIds === false ? {} : TAGGED_OUTPUT,
        startTimeoutMs: options.startTimeoutMs ?? 60_000,
        prewarmPool: this.#prewarmPool,
        serverOptions: this.#servers.options,
        ...(options.sourceFolder === undefined ? {} : { sourceFolder: options.sourceFolder }),
        callsRedirected: callsRedirected(options.beforeStop),
        ...(this.#sandboxContext ? { sandboxContext: this.#sandboxContext } : {}),
      },
      bundleFolder: options.bundleFolder,
      secretsOf: (spec) => this.#secretsOf(spec),
      newReplicaId: (spec) => `${mainRef(spec).endpoint.slice(0, 20)}-${randomBytes(4).toString("hex")}`,
      openLog: (spec) => (options.logs ?? NO_LOGS).open(spec),
      changed: (endpoint) => this.#changed(endpoint),
      records,
    };
  }

  /** How functions are sandboxed, or the reason why they are not. */
  get isolation(): string {
    return `${this.#isolation}${this.#servers.description}`;
  }

  /** Ends the processes that a server left behind in another work folder. */
  cleanUp(workDir: string): void {
    if (!existsSync(join(workDir, "run"))) return;
    const records = new ProcessRecords(join(workDir, "run"));
    logOrphans(
      endReplicasOf(records, createRunFolder(resolve(workDir), this.#sandboxContext !== undefined)),
      this.#options,
    );
  }

  #createSandbox(
    landlock: Landlock,
    { node, python, runFolder }: RuntimeOptions,
    { readable = [], hidden = [], isolation, bundleFolder }: EmbeddedOptions,
  ): SandboxContext {
    const forbidden = [this.#dataDir, runFolder, ...hidden.flatMap(hidingPaths)];
    const temporary = temporaryFiles(landlock, isolation);
    const sandbox = new Sandbox(landlock, { forbidden, temporary, runFolder, node, python, readable });
    const slots = new CodeSlots(this.#workDir, landlock.hasMounts);
    slots.collect((digest) => bundleFolder(digest).then(Boolean, () => false)).catch(() => {});
    return { sandbox, slots };
  }

  /** @throws ARTIFACT_UNSUPPORTED for a runtime that the embedded platform cannot run, CAPABILITY_MISSING, and as `ServerSupport.check` */
  async check(spec: EndpointSpec): Promise<void> {
    assertNoExtendedResources(spec);
    if (spec.app === "server" && spec.runtime !== "dockerfile") await this.#servers.check(spec);
    else runtimeCommand(spec.runtime);
  }

  async apply(spec: EndpointSpec): Promise<void> {
    if (spec.artifact.kind !== this.accepts)
      throw new FaasError(
        "ARTIFACT_UNSUPPORTED",
        "The embedded platform runs bundles; container images need the kubernetes platform",
      );
    const preparing = isLanguage(spec.runtime) ? this.#sandboxContext?.sandbox.prepare(spec.runtime) : undefined;
    if (preparing) await preparing;
    if (spec.app === "server") await this.#servers.prepare();
    // A rollout that the stop of the server interrupts applies the previous revision again.
    if (this.#isClosed) return;
    const key = endpointKey(spec);
    const known = this.#endpoints.get(key);
    const { digest } = spec.artifact;
    this.#prewarmPool.addEndpoint(spec, () => this.#host.bundleFolder(digest));
    if (known) {
      this.#prewarmPool.removeEndpoint(known.spec);
      if (codeKey(known.spec) !== codeKey(spec)) this.#forgetCode(known.spec);
      return known.apply(spec);
    }
    const endpoint = new EmbeddedEndpoint(spec, this.#host);
    this.#endpoints.set(key, endpoint);
    this.#changed(endpoint);
  }

  async scale(ref: EndpointRef, replicas: number): Promise<void> {
    const endpoint = this.#endpoints.get(endpointKey(ref));
    if (!endpoint)
      throw new FaasError("ENDPOINT_NOT_FOUND", `There is no endpoint ${endpointKey(ref)} on the platform`);
    endpoint.scale(replicas);
  }

  async remove(ref: EndpointRef): Promise<void> {
    const key = endpointKey(ref);
    const endpoint = this.#endpoints.get(key);
    this.#endpoints.delete(key);
    if (endpoint) {
      this.#prewarmPool.removeEndpoint(endpoint.spec);
      this.#forgetCode(endpoint.spec);
      this.#statuses.remove(endpoint);
    }
    await endpoint?.stop();
  }

  async removeOrg(org: string): Promise<void> {
    const endpoints = [...this.#endpoints.values()].filter(({ spec }) => spec.org === org);
    await Promise.all(endpoints.map(({ spec }) => this.remove(spec)));
    await this.#secrets.removeOrg(org);
  }

  putSecret(org: string, secret: SecretVersion, value: string): Promise<void> {
    return this.#secrets.put(org, secret, value);
  }

  readonly readSecret = (org: string, secret: SecretVersion): Promise<string> => this.#secrets.value(org, secret);
  readonly removeSecret = (org: string, secret: SecretVersion): Promise<void> => this.#secrets.remove(org, secret);

  watch(signal: AbortSignal): AsyncIterable<readonly EndpointStatus[]> {
    return this.#statuses.watch(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#checkTimer);
    this.#prewarmPool.close();
    const endpoints = [...this.#endpoints.values()];
    this.#endpoints.clear();
    await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
    await rm(this.#runFolder, { recursive: true, force: true });
    process.off("exit", this.#onExit);
  }

  #changed(endpoint: EmbeddedEndpoint): void {
    if (endpoint.replicas.length > 0) {
      this.#active.add(endpoint);
      this.#checkPeriodically();
    }
    // The last processes of a removed endpoint may still be ending.
    if (this.#endpoints.get(endpoint.key) === endpoint) this.#statuses.change(endpoint);
  }

  #forgetCode(spec: EndpointSpec): void {
    if (!this.#sandboxContext) return;
    this.#sandboxContext.slots.forget(spec);
    rm(join(this.#dataDir, "cache", codeKey(spec)), { recursive: true, force: true }).catch(() => {});
  }

  async #secretsOf({ org, secrets = {} }: EndpointSpec): Promise<Readonly<Record<string, string>>> {
    const values = Object.entries(secrets).map(
      async ([variable, secret]) => [variable, await this.#secrets.value(org, secret)] as const,
    );
    return Object.fromEntries(await Promise.all(values));
  }

  /** Checks memory and liveness of the processes while there are any. */
  #checkPeriodically(): void {
    this.#checkTimer ??= setInterval(() => {
      const now = Date.now();
      for (const endpoint of this.#active) {
        if (endpoint.replicas.length === 0) this.#active.delete(endpoint);
        for (const replica of endpoint.replicas) replica.check(now);
      }
      if (this.#active.size > 0) return;
      clearInterval(this.#checkTimer);
      this.#checkTimer = undefined;
    }, CHECK_INTERVAL_MS).unref();
  }
}

/** Ends the processes of a server that no longer runs, and removes what they left. Returns their number. */
function endReplicasOf(records: ProcessRecords, runFolder: string): number {
  const ended = records.endOrphans() + endListenersIn(runFolder);
  for (const name of readdirSync(runFolder)) rmSync(join(runFolder, name), { recursive: true, force: true });
  return ended;
}

function logOrphans(count: number, { log }: Pick<EmbeddedOptions, "log">): void {
  if (count > 0) log?.info(`ended ${count} replicas that a previous server left behind`);
}

/** Returns Landlock, or the reason why functions are not sandboxed. */
function findLandlock(isolation: IsolationMode = "auto"): Landlock | string {
  const landlock = isolation === "off" ? "off" : Landlock.find();
  if (typeof landlock === "string" && isolation === "required")
    throw new FaasError("ISOLATION_UNAVAILABLE", `Functions cannot be sandboxed on this machine: ${landlock}`);
  return landlock;
}

/** Returns how functions use /tmp. Without mounts of its own, no process can have a private one: all share it unless isolation is required. */
const temporaryFiles = ({ hasMounts }: Landlock, isolation?: IsolationMode): TemporaryFiles =>
  hasMounts ? "private" : isolation === "required" ? "denied" : "shared";

function describeSandbox(landlock: Landlock, isolation?: IsolationMode): string {
  const { version, stopsSignals } = landlock;
  const signals = stopsSignals ? "files and signals" : "files, not signals (Linux 6.12 or newer)";
  const temporary = {
    private: "a /tmp for each function",
    shared: "one /tmp for all functions (user namespaces are not permitted)",
    denied: "no access to /tmp, only to TMPDIR (user namespaces are not permitted)",
  }[temporaryFiles(landlock, isolation)];
  return `Landlock ${version}: ${signals}, ${temporary}`;
}
