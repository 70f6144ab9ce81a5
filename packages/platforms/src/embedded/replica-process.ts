import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type EndpointRef, type EndpointSpec, LOADING_REPORT_SECONDS, loadingReport, type Replica } from "@faas/core";
import { readLines } from "../common/lines.ts";
import { type PrintedLine, parseOutput } from "../common/output-tags.ts";
import { REPLICA_REMOVED, waitUntilReady } from "../common/ready-probe.ts";
import { programOf, runtimeCommand } from "../common/runtime-command.ts";
import { serverExit, serverSpawnFailure } from "../common/server-failures.ts";
import { StartStages } from "../common/start-stages.ts";
import {
  functionEnvironment,
  type RuntimeOptions,
  runtimeEnvironment,
  sharedCacheFolder,
} from "../common/wrapper-environment.ts";
import { exitReason, outOfMemory, type ProcessEnd, spawnFailure, startTimeout, withKiller } from "./exit-reason.ts";
import { inspectLoading, type LoadingInspector } from "./loading-inspector.ts";
import { codeKey } from "./prewarm/code-slots.ts";
import type { PrewarmPool } from "./prewarm/prewarm-pool.ts";
import type { SandboxContext } from "./prewarm/prewarmed-process.ts";
import { Liveness, memoryFailure, residentBytes } from "./process-checks.ts";
import type { CallsRedirected } from "./redirected-calls.ts";
import { memoryRlimit } from "./sandbox/memory-rlimit.ts";
import type { ProcessFolder } from "./sandbox/sandbox.ts";
import { type ServerOptions, ServerProgram } from "./server/server-program.ts";
import { SourcePaths } from "./source-paths.ts";

const MAX_LAST_LINES = 20;
/** Lines of a replica that is starting: more, because they may contain the stack of a function that does not finish loading. */
const MAX_START_LINES = 200;
/** Milliseconds between SIGTERM and SIGKILL, in addition to the endpoint's timeout. */
const KILL_GRACE_MS = 5_000;
/** Milliseconds to wait for the end of the output of an exited process. */
const OUTPUT_GRACE_MS = 500;

/** How the processes of all replicas are started. */
export interface ProcessOptions extends RuntimeOptions {
  readonly startTimeoutMs: number;
  readonly prewarmPool: PrewarmPool;
  /** Variables of functions about their output. */
  readonly outputVariables: Readonly<Record<string, string>>;
  /** Absent if processes are not sandboxed. */
  readonly sandboxContext?: SandboxContext;
  /** Returns the folder of an endpoint's author, for the paths in output; without it they are relative. */
  readonly sourceFolder?: (ref: EndpointRef) => string | undefined;
  readonly callsRedirected: CallsRedirected;
  /** Returns what servers are started with, once one was applied. */
  readonly serverOptions: () => ServerOptions;
}

/** Receiver of a replica's events. */
export interface ProcessEvents {
  ready(replica: ReplicaProcess): void;
  /** The process ended or could not be started, other than by `stop`. */
  failed(replica: ReplicaProcess, end: ProcessEnd): void;
  line(replica: ReplicaProcess, stream: "stdout" | "stderr", line: PrintedLine): Promise<void> | undefined;
  started(replica: ReplicaProcess, pid: number): void;
  ended(replica: ReplicaProcess): void;
}

/**
 * A child process: a server of its own, or the wrapper with the user's function, listening on its own Unix socket. A sandboxed process creates the socket in its private folder; the
 * server then moves it to a path that other functions cannot guess.
 */
export class ReplicaProcess {
  readonly id: string;
  readonly spec: EndpointSpec;
  readonly socketPath: string;
  readonly lastLines: string[] = [];
  readonly stages = new StartStages(performance.now());
  readonly startedMs = Date.now();
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  /** Reads the resident memory of its processes. */
  readonly memoryBytes = (): number => residentBytes(this.#server?.pids ?? [this.pid]);
  /** True while it can serve requests. */
  ready = false;
  /** True once it has been ready. */
  wasReady = false;
  stopping = false;
  readonly #options: ProcessOptions;
  readonly #events: ProcessEvents;
  readonly #resolveEnded: () => void;
  readonly #startAborter = new AbortController();
  readonly #liveness: Liveness;
  readonly #sourcePaths: SourcePaths;
  #child: ChildProcess | undefined;
  #folder: ProcessFolder;
  /** Absent for a function. */
  readonly #server: ServerProgram | undefined;
  /** Returns a prewarmed process's copy of the code. */
  #releaseCode: (() => void) | undefined;
  #end: ProcessEnd | undefined;
  #hasEnded = false;
  #loadingInspector: LoadingInspector | undefined;

  constructor(id: string, spec: EndpointSpec, options: ProcessOptions, events: ProcessEvents) {
    this.id = id;
    this.spec = spec;
    const { runFolder, sandboxContext } = options;
    this.socketPath = join(runFolder, sandboxContext ? `${randomBytes(16).toString("hex")}.s` : `${id}.sock`);
    // Removed with a replica that could not be started, so never a folder that replicas share.
    const path = join(runFolder, sandboxContext ? id : `${id}.tmp`);
    this.#folder = { path, home: sandboxContext ? join(path, "tmp") : path, listenPath: this.socketPath };
    this.#options = options;
    this.#sourcePaths = new SourcePaths(options.sourceFolder?.(spec));
    if (spec.app === "server") this.#server = new ServerProgram(id, spec, options.serverOptions());
    const probed = this.#server ? () => this.#server?.probe() : this.socketPath;
    this.#liveness = new Liveness(probed, spec.timeoutMs, this.startedMs);
    this.#events = events;
    ({ promise: this.ended, resolve: this.#resolveEnded } = Promise.withResolvers<void>());
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Address and, for a server, the way to connect to it: see `Replica`. */
  get listener(): Pick<Replica, "address" | "connect"> {
    return this.#server?.listener ?? { address: `unix:${this.socketPath}` };
  }

  /** Files and folders that only this replica uses. */
  get ownPaths(): readonly string[] {
    return [this.socketPath, this.#folder.path];
  }

  /**
   * Starts the process, which results in a `ready` or a `failed` event.
   *
   * @param bundle folder of the function
   * @param secrets values by variable name
   */
  start(bundle: string, secrets: Readonly<Record<string, string>>): void {
    this.#launch(bundle, secrets);
    void this.#awaitReady();
  }

  #launch(bundle: string, secrets: Readonly<Record<string, string>>): void {
    const child = this.#spawn(bundle, secrets);
    this.#child = child;
    this.stages.record("process");
    if (child.pid !== undefined) this.#events.started(this, child.pid);
    for (const stream of ["stdout", "stderr"] as const)
      readLines(child[stream] as Readable, (line) =>
        stream === "stderr" && this.#loadingInspector?.handles(line) ? undefined : this.#onLine(stream, line),
      );
    child.once("error", (error: NodeJS.ErrnoException) => {
      this.#end ??= this.#server ? serverSpawnFailure(this.spec, error) : spawnFailure(this.spec, this.#options, error);
      if (child.pid === undefined) this.#onEnd();
    });
    child.once("exit", (code, signal) => {
      // The output may contain the reason. It is complete on "close", which a grandchild that holds the pipes can delay.
      const onOutputEnd = () => {
        clearTimeout(timer);
        if (this.#takesAnotherPort()) return this.#launch(bundle, secrets);
        this.#end ??= this.#exitReason(code, signal);
        this.#onEnd();
      };
      const timer = setTimeout(onOutputEnd, OUTPUT_GRACE_MS);
      child.once("close", onOutputEnd);
    });
  }

  /** Chooses another port for a server that ended because another program took its port. */
  #takesAnotherPort(): boolean {
    if (this.stopping || this.wasReady || this.#end || !this.#server?.takeAnotherPort(this.lastLines)) return false;
    this.#signal("SIGKILL");
    this.lastLines.length = 0;
    return true;
  }

  /** Fails a replica whose process cannot be started, because its bundle is missing for instance. */
  failStart(end: ProcessEnd): void {
    this.#end = end;
    this.#onEnd();
  }

  /**
   * Drains the replica: waits briefly for requests on their way, sends SIGTERM, and SIGKILL after the endpoint's timeout. A server knows nothing of
   * draining: it gets SIGTERM when the gateway has closed all connections, at the latest after the endpoint's timeout.
   */
  async stop(): Promise<void> {
    if (this.stopping) return this.ended;
    const served = this.ready;
    this.stopping = true;
    this.ready = false;
    this.#startAborter.abort(REPLICA_REMOVED);
    if (this.#child === undefined) this.#onEnd();
    if (served) await Promise.race([this.#options.callsRedirected(this.spec, this.id), this.ended]);
    if (served) await Promise.race([this.#server?.connections.closed(this.spec.timeoutMs), this.ended]);
    this.#signal(served ? "SIGTERM" : "SIGKILL");
    const termMs = this.#server ? 0 : this.spec.timeoutMs;
    const timer = setTimeout(() => this.#signal("SIGKILL"), termMs + KILL_GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends the replica if it uses more memory than its limit, or has stopped responding. */
  check(nowMs: number): void {
    const failure =
      memoryFailure(this.memoryBytes(), this.spec.memoryBytes) ??
      (this.ready ? this.#liveness.check(nowMs) : undefined);
    if (failure) this.#kill(failure);
  }

  #onLine(stream: "stdout" | "stderr", line: string): Promise<void> | undefined {
    const { text, ...tag } = parseOutput(line);
    const printed = { ...tag, text: this.#sourcePaths.shorten(text) };
    if (this.lastLines.push(printed.text) > (this.wasReady ? MAX_LAST_LINES : MAX_START_LINES)) this.lastLines.shift();
    return this.#events.line(this, stream, printed);
  }

  #inspectLoading(): void {
    // A server of the user's may be any program.
    if (this.#server || this.pid === undefined || !existsSync(this.socketPath)) return;
    const onLocation = (location: string) => void this.#onLine("stderr", loadingReport(location));
    this.#loadingInspector = inspectLoading(this.spec, this.pid, onLocation);
  }

  #kill(end: ProcessEnd): void {
    this.#end ??= end;
    this.#signal("SIGKILL");
  }

  async #awaitReady(): Promise<void> {
    const { startTimeoutMs } = this.#options;
    const timeout = setTimeout(() => {
      this.#kill(this.#server?.unready(startTimeoutMs) ?? startTimeout(startTimeoutMs, this.lastLines));
    }, startTimeoutMs);
    const inspection = setTimeout(() => this.#inspectLoading(), LOADING_REPORT_SECONDS * 1000);
    try {
      const detail = await this.#loadFailure(this.#startAborter.signal);
      if (this.stopping || this.#hasEnded) return;
      if (detail !== undefined)
        return this.#kill({ code: "FUNCTION_LOAD_FAILED", detail: this.#sourcePaths.shorten(detail) });
      this.ready = true;
      this.wasReady = true;
      this.stages.record("ready");
      this.#events.ready(this);
    } catch {
      // The replica was stopped or has ended, which is reported elsewhere.
    } finally {
      clearTimeout(timeout);
      clearTimeout(inspection);
    }
  }

  /** Waits until loading has ended. Returns why the function did not load; undefined if it is ready. */
  async #loadFailure(signal: AbortSignal): Promise<string | undefined> {
    if (this.#server) {
      await this.#server.untilReady(signal, (end) => this.#kill(end));
      return undefined;
    }
    const response = await waitUntilReady(this.socketPath, signal, this.#folder.listenPath);
    return response.ready ? undefined : (response.detail ?? "");
  }

  #onEnd(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#startAborter.abort(REPLICA_REMOVED);
    // Processes that the function started are in its group.
    this.#signal("SIGKILL");
    this.ready = false;
    for (const path of this.ownPaths) rmSync(path, { recursive: true, force: true });
    this.#releaseCode?.();
    this.#server?.release();
    this.#events.ended(this);
    if (!this.stopping) {
      this.#events.failed(this, this.#end ?? { code: "REPLICA_EXITED", detail: "The function's process ended" });
    }
    this.#resolveEnded();
  }

  #exitReason(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
    const { lastLines, ready: wasServing } = this;
    const isSandboxed = this.#options.sandboxContext !== undefined;
    const exit = { code, signal, lastLines, wasServing, isSandboxed };
    if (!this.#server) return withKiller(exitReason(this.spec, this.#options, exit), exit);
    return withKiller(outOfMemory(this.spec, exit) ?? serverExit(this.spec, this.#server.port, exit), exit);
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      // The processes that the function started work for the calls in flight: they end with the group, by SIGKILL. The command of a server may be a
      // shell or a package manager, which does not pass SIGTERM on.
      process.kill(signal === "SIGTERM" && !this.#server ? pid : -pid, signal);
    } catch {
      // The process group has ended.
    }
  }

  #spawn(bundle: string, secrets: Readonly<Record<string, string>>): ChildProcess {
    const { spec } = this;
    const { runtime, memoryBytes } = spec;
    const { sandboxContext, prewarmPool, cacheFolder } = this.#options;
    this.#sourcePaths.locate(bundle);
    if (sandboxContext === undefined) mkdirSync(this.#folder.path, { recursive: true });
    if (this.#server) {
      if (sandboxContext) this.#folder = sandboxContext.sandbox.createFolder(this.id);
      return this.#server.spawn(bundle, this.#folder, secrets);
    }
    const sharedCache = sharedCacheFolder(runtime, cacheFolder);
    const claimed = prewarmPool.claim(
      spec,
      bundle,
      { folder: this.#folder, cacheFolder: sharedCache },
      (folder, cache) => this.#environment(secrets, folder, cache),
    );
    if (claimed?.sandboxed) {
      this.#folder = claimed.sandboxed.folder;
      this.#releaseCode = claimed.sandboxed.code.release;
      this.#sourcePaths.locate(claimed.sandboxed.code.code);
    }
    if (claimed) return claimed.child;
    const runtimeProgram = programOf(runtime, memoryBytes, this.#options);
    let command: readonly [program: string, ...args: string[]] = [...runtimeProgram, runtimeCommand(runtime).wrapper];
    let cache = sharedCache;
    if (sandboxContext) {
      const { sandbox } = sandboxContext;
      this.#folder = sandbox.createFolder(this.id);
      cache = join(cacheFolder, codeKey(spec));
      mkdirSync(cache, { recursive: true });
      const allowed = { read: [bundle], write: [cache], dataBytes: memoryRlimit(spec) };
      command = sandbox.command(runtime, command, this.#folder, allowed);
    }
    const env = this.#environment(secrets, this.#folder, cache);
    const [program, ...args] = command;
    return spawn(program, args, { cwd: bundle, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  }

  #environment(
    secrets: Readonly<Record<string, string>>,
    { home, listenPath }: ProcessFolder,
    cache: string,
  ): NodeJS.ProcessEnv {
    return {
      ...runtimeEnvironment(this.spec.runtime, home, cache),
      ...functionEnvironment(this.spec, listenPath, secrets),
      ...this.#options.outputVariables,
    };
  }
}
