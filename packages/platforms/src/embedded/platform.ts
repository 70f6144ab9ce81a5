import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  FaasError,
  type LogLine,
  type LogOptions,
  type Platform,
  type SecretVersion,
} from "@faas/core";
import { LogStore } from "../common/log-store.ts";
import { runtimeCommand } from "../common/runtime-command.ts";
import { StatusSnapshot } from "../common/status-snapshot.ts";
import { EmbeddedEndpoint, type EndpointHost } from "./endpoint.ts";
import { endListenersIn, ProcessRecords } from "./orphan-reaper.ts";
import { CodePlaces, codeKey } from "./prewarm/code-slots.ts";
import { PrewarmPool, type SandboxContext } from "./prewarm/prewarm-pool.ts";
import { residentBytes } from "./replica-process.ts";
import { hiddenWith } from "./sandbox/allowed-paths.ts";
import { Landlock } from "./sandbox/landlock.ts";
import { type IsolationMode, Sandbox } from "./sandbox/sandbox.ts";
import { SecretFiles } from "./secret-store.ts";

const MEMORY_CHECK_MS = 250;
/** A data folder of so many characters leaves room for the names of sockets in it. */
const MAX_INSIDE = 45;

export interface EmbeddedOptions {
  /** Logs, records of processes and caches are in it. */
  readonly dataDir: string;
  /** The unpacked bundle of a digest; rejects with BUNDLE_NOT_FOUND. */
  readonly bundleFolder: (digest: string) => Promise<string>;
  /** Programs that run functions: this process's own Node, `python3` or what FAAS_PYTHON names. */
  readonly node?: string;
  readonly python?: string;
  /** Time for the user's code to load; 60 s. */
  readonly startTimeoutMs?: number;
  /** Blank processes of each runtime that are kept for the next cold start; none. */
  readonly poolSize?: number;
  /** Whether functions are kept from the server's files and processes; auto. */
  readonly isolation?: IsolationMode;
  /** Files and folders beside the system's that functions may read when they are kept apart. */
  readonly readable?: readonly string[];
  /** Files of the server's outside of its data folder that they must not read, nor what is beside these: the key of its certificate. */
  readonly hidden?: readonly string[];
  readonly log?: { info(message: string): void; warn(message: string): void };
}

/** Runs replicas as child processes of this one. */
export class EmbeddedPlatform implements Platform {
  readonly name = "embedded";
  readonly accepts = "bundle";
  readonly scalers = ["concurrency", "fixed"] as const;
  readonly #dataDir: string;
  readonly #host: EndpointHost;
  readonly #blanks: PrewarmPool;
  readonly #apart: SandboxContext | undefined;
  /** How functions are kept apart, or why they are not. */
  readonly isolation: string;
  readonly #secrets: SecretFiles;
  readonly #endpoints = new Map<string, EmbeddedEndpoint>();
  /** Those that have, or a moment ago had, processes: what is looked after is looked for here, not in all that there are. */
  readonly #busy = new Set<EmbeddedEndpoint>();
  /** Of endpoints that had a process, or whose logs were asked for. */
  readonly #logs = new Map<string, LogStore>();
  readonly #statuses = new StatusSnapshot();
  readonly #runFolder: string;
  /** When the process ends without having disposed of this: a second Ctrl-C, for instance. */
  readonly #endAll: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** Ends what a former server on the same data folder left behind, and is ready for endpoints. ISOLATION_UNAVAILABLE. */
  constructor(options: EmbeddedOptions) {
    this.#dataDir = resolve(options.dataDir);
    const landlock = options.isolation === "off" ? "off" : Landlock.find();
    const isApart = typeof landlock !== "string";
    if (!isApart && options.isolation === "required")
      throw new FaasError(
        "ISOLATION_UNAVAILABLE",
        `Functions cannot be kept from the server's files here: ${landlock}`,
      );
    this.#runFolder = privateFolder(this.#dataDir, isApart);
    const records = new ProcessRecords(join(this.#dataDir, "run"));
    const orphans = records.endOrphans() + endListenersIn(this.#runFolder);
    for (const name of readdirSync(this.#runFolder))
      rmSync(join(this.#runFolder, name), { recursive: true, force: true });
    if (orphans > 0) options.log?.info(`ended ${orphans} replicas that a former server left behind`);
    this.#endAll = () => {
      records.endOrphans();
      rmSync(this.#runFolder, { recursive: true, force: true });
    };
    process.once("exit", this.#endAll);
    const runtimeOptions = {
      node: options.node ?? process.execPath,
      python: options.python ?? process.env.FAAS_PYTHON ?? "python3",
      runFolder: this.#runFolder,
      cacheFolder: join(this.#dataDir, "cache"),
    };
    if (isApart) {
      const { runFolder, node, python } = runtimeOptions;
      const { readable = [], hidden = [] } = options;
      const secret = [this.#dataDir, runFolder, ...hidden.flatMap(hiddenWith)];
      const isolation = new Sandbox(landlock, { secret, runFolder, node, python, readable });
      this.#apart = { isolation, places: new CodePlaces(this.#dataDir) };
      const isThere = (digest: string) =>
        options.bundleFolder(digest).then(
          () => true,
          () => false,
        );
      this.#apart.places.collect(isThere).catch(() => {});
      this.isolation = `Landlock ${landlock.version}: ${landlock.stopsSignals ? "files and signals" : "files, not signals (Linux 6.12 or newer)"}`;
      options.log?.info(`functions are kept apart by ${this.isolation}`);
    } else {
      this.isolation = `none: ${landlock}`;
      if (landlock !== "off")
        options.log?.warn(`functions can read and write what the server can, its data folder too: ${landlock}`);
    }
    this.#blanks = new PrewarmPool(options.poolSize ?? 0, runtimeOptions, this.#apart);
    this.#secrets = new SecretFiles(this.#dataDir);
    this.#host = {
      processOptions: {
        ...runtimeOptions,
        startTimeoutMs: options.startTimeoutMs ?? 60_000,
        blanks: this.#blanks,
        ...(this.#apart ? { apart: this.#apart } : {}),
      },
      bundleFolder: options.bundleFolder,
      secretsOf: (spec) => this.#secretsOf(spec),
      newReplicaId: (spec) => `${spec.endpoint.slice(0, 20)}-${randomBytes(4).toString("hex")}`,
      logStore: (spec) => this.#logStore(spec),
      changed: (endpoint) => this.#changed(endpoint),
      records,
    };
  }

  /** @throws ARTIFACT_UNSUPPORTED for a runtime that has no command here */
  async check(spec: EndpointSpec): Promise<void> {
    runtimeCommand(spec.runtime);
  }

  async apply(spec: EndpointSpec): Promise<void> {
    if (spec.artifact.kind !== this.accepts) {
      throw new FaasError(
        "ARTIFACT_UNSUPPORTED",
        "The embedded platform runs bundles; container images need the kubernetes platform",
      );
    }
    const preparing = spec.runtime === "dockerfile" ? undefined : this.#apart?.isolation.prepare(spec.runtime);
    if (preparing) await preparing;
    const key = endpointKey(spec);
    const known = this.#endpoints.get(key);
    this.#blanks.hold(spec);
    if (known) {
      this.#blanks.release(known.spec);
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
      this.#blanks.release(endpoint.spec);
      this.#forgetCode(endpoint.spec);
      this.#statuses.remove(endpoint);
    }
    await endpoint?.stop();
    await this.#logStore(ref).remove();
    this.#logs.delete(key);
  }

  async removeOrg(org: string): Promise<void> {
    const mine = [...this.#endpoints.values()].filter((endpoint) => endpoint.spec.org === org);
    await Promise.all(mine.map((endpoint) => this.remove(endpoint.spec)));
    await rm(join(this.#dataDir, "logs", org), { recursive: true, force: true });
    await this.#secrets.removeOrg(org);
  }

  putSecret(org: string, secret: SecretVersion, value: string): Promise<void> {
    return this.#secrets.put(org, secret, value);
  }

  removeSecret(org: string, secret: SecretVersion): Promise<void> {
    return this.#secrets.remove(org, secret);
  }

  watch(signal: AbortSignal): AsyncIterable<readonly EndpointStatus[]> {
    return this.#statuses.watch(signal);
  }

  logs(ref: EndpointRef, options: LogOptions): AsyncIterable<LogLine> {
    return this.#logStore(ref).read(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#blanks.close();
    const endpoints = [...this.#endpoints.values()];
    this.#endpoints.clear();
    await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
    await Promise.all([...this.#logs.values()].map((logs) => logs.flush()));
    await rm(this.#runFolder, { recursive: true, force: true });
    process.off("exit", this.#endAll);
  }

  #changed(endpoint: EmbeddedEndpoint): void {
    if (endpoint.replicas.length > 0) {
      this.#busy.add(endpoint);
      this.#watchProcesses();
    }
    // One that was removed may still have processes that end.
    if (this.#endpoints.get(endpoint.key) === endpoint) this.#statuses.change(endpoint);
  }

  #forgetCode(spec: EndpointSpec): void {
    this.#apart?.places.forget(spec);
    if (this.#apart) rm(join(this.#dataDir, "cache", codeKey(spec)), { recursive: true, force: true }).catch(() => {});
  }

  async #secretsOf({ org, secrets = {} }: EndpointSpec): Promise<Readonly<Record<string, string>>> {
    const values = Object.entries(secrets).map(
      async ([variable, secret]) => [variable, await this.#secrets.value(org, secret)] as const,
    );
    return Object.fromEntries(await Promise.all(values));
  }

  #logStore(ref: EndpointRef): LogStore {
    const key = endpointKey(ref);
    let logs = this.#logs.get(key);
    if (!logs) {
      logs = new LogStore(join(this.#dataDir, "logs", ref.org, ref.endpoint));
      this.#logs.set(key, logs);
    }
    return logs;
  }

  /** Looks after memory and signs of life while there are processes. */
  #watchProcesses(): void {
    this.#timer ??= setInterval(() => {
      const now = Date.now();
      for (const endpoint of this.#busy) {
        if (endpoint.replicas.length === 0) this.#busy.delete(endpoint);
        for (const replica of endpoint.replicas) {
          const resident = replica.pid === undefined ? undefined : residentBytes(replica.pid);
          if (resident !== undefined) replica.checkMemory(resident);
          replica.checkAlive(now);
        }
      }
      if (this.#busy.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, MEMORY_CHECK_MS).unref();
  }
}

/**
 * For sockets, whose paths have at most about 100 characters (unix(7)): short, and for this user alone. `inside`: in the data folder if that is short enough,
 * for functions that are kept apart may reach all of /tmp but not a folder in it less.
 */
function privateFolder(dataDir: string, inside: boolean): string {
  const name = `faas-${createHash("sha256").update(dataDir).digest("hex").slice(0, 12)}`;
  const base = tmpdir().length < 40 ? tmpdir() : "/tmp";
  const folder =
    inside && dataDir.length <= MAX_INSIDE
      ? join(dataDir, "sockets")
      : join(base, `${name}-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  return folder;
}
