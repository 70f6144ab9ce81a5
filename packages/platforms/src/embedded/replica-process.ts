import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type EndpointSpec, type ErrorCode, formatSize } from "@faas/core";
import { readLines } from "../common/lines.ts";
import { probeReady, REPLICA_REMOVED, waitUntilReady } from "../common/ready-probe.ts";
import { programOf, runtimeCommand } from "../common/runtime-command.ts";
import { StartStages } from "../common/start-stages.ts";
import {
  cacheOf,
  functionEnvironment,
  type RuntimeOptions,
  runtimeEnvironment,
} from "../common/wrapper-environment.ts";
import { codeKey } from "./prewarm/code-slots.ts";
import type { PrewarmPool, SandboxContext } from "./prewarm/prewarm-pool.ts";
import { dataBound } from "./sandbox/memory-rlimit.ts";
import { folderOf, type ProcessFolder } from "./sandbox/sandbox.ts";

const LAST_LINES = 20;
/** Exit code of what was to become a program that is not there. */
const NO_PROGRAM = 127;
/** What runtimes say last when the kernel, or their own bound, gives them no more memory. */
const NO_MEMORY = /JavaScript heap out of memory|process out of memory|\bstd::bad_alloc\b|^MemoryError\b/;
/** After a replica is taken off the list, so long for requests that were picked just before. */
const SETTLE_MS = 100;
/** Beyond the endpoint's own timeout. */
const KILL_GRACE_MS = 5_000;
const STUCK_GRACE_MS = 5_000;
/** A replica is asked whether it lives so long after it was asked last. */
const ALIVE_CHECK_MS = 5_000;

/** How the processes of all replicas are started. */
export interface ProcessOptions extends RuntimeOptions {
  readonly startTimeoutMs: number;
  readonly blanks: PrewarmPool;
  /** Absent: processes are not kept apart. */
  readonly apart?: SandboxContext;
}

/** Why a process is no replica any more. */
export interface ProcessEnd {
  readonly code: ErrorCode;
  readonly detail: string;
}

export interface ProcessEvents {
  ready(replica: ReplicaProcess): void;
  /** It ended, or could not be started; not called when `stop` was. */
  failed(replica: ReplicaProcess, end: ProcessEnd): void;
  line(replica: ReplicaProcess, stream: "stdout" | "stderr", line: string): Promise<void> | undefined;
  started(replica: ReplicaProcess, pid: number): void;
  ended(replica: ReplicaProcess): void;
}

/** One child process: the wrapper with the user's function, on a Unix socket of its own. One that is kept apart listens in its room; its socket is then moved to where no other function finds it. */
export class ReplicaProcess {
  readonly id: string;
  readonly spec: EndpointSpec;
  readonly socketPath: string;
  readonly lastLines: string[] = [];
  readonly stages = new StartStages(performance.now());
  readonly startedMs = Date.now();
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  ready = false;
  /** It was ready once. */
  wasReady = false;
  stopping = false;
  readonly #options: ProcessOptions;
  readonly #events: ProcessEvents;
  readonly #resolveEnded: () => void;
  readonly #starting = new AbortController();
  #child: ChildProcess | undefined;
  #room: ProcessFolder;
  /** Gives back what it was lent. */
  #release: (() => void) | undefined;
  #end: ProcessEnd | undefined;
  #gone = false;
  #askedMs = this.startedMs;
  #probeSinceMs: number | undefined;

  constructor(id: string, spec: EndpointSpec, options: ProcessOptions, events: ProcessEvents) {
    this.id = id;
    this.spec = spec;
    const { runFolder, apart } = options;
    this.socketPath = join(runFolder, apart ? `${randomBytes(16).toString("hex")}.s` : `${id}.sock`);
    // What is removed with a replica that could not be started is this too: a folder of its own in either case.
    const home = apart ? join(runFolder, id, "tmp") : join(runFolder, `${id}.tmp`);
    this.#room = { home, listenPath: this.socketPath };
    this.#options = options;
    this.#events = events;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Files and folders that are this replica's alone. */
  get belongings(): readonly string[] {
    return [this.socketPath, this.#options.apart ? folderOf(this.#room) : this.#room.home];
  }

  /** Starts the process in the bundle's folder, with the secrets' values by variable; `ready` or `failed` tells how it went. */
  start(folder: string, secrets: Readonly<Record<string, string>>): void {
    const child = this.#spawn(folder, secrets);
    this.#child = child;
    this.stages.record("process");
    if (child.pid !== undefined) this.#events.started(this, child.pid);
    for (const stream of ["stdout", "stderr"] as const) {
      readLines(child[stream] as Readable, (line) => {
        this.lastLines.push(line);
        if (this.lastLines.length > LAST_LINES) this.lastLines.shift();
        return this.#events.line(this, stream, line);
      });
    }
    child.once("error", (error: NodeJS.ErrnoException) => {
      this.#end ??= this.#startError(error);
      if (child.pid === undefined) this.#onGone();
    });
    // "close" comes when the output is read too, so that its last words are known; a grandchild may hold the pipes open.
    child.once("exit", (code, signal) => {
      this.#end ??= this.#exitReason(code, signal);
      const timer = setTimeout(() => this.#onGone(), 500);
      child.once("close", () => {
        clearTimeout(timer);
        this.#onGone();
      });
    });
    void this.#awaitReady();
  }

  /** Could not even be started: the bundle is gone, for instance. */
  failStart(end: ProcessEnd): void {
    this.#end = end;
    this.#onGone();
  }

  /** Drains: a moment for requests on their way, SIGTERM, and SIGKILL when the endpoint's timeout has passed. */
  async stop(): Promise<void> {
    if (this.stopping) return this.ended;
    const served = this.ready;
    this.stopping = true;
    this.ready = false;
    this.#starting.abort(REPLICA_REMOVED);
    if (this.#child === undefined) this.#onGone();
    if (served) await Promise.race([delay(SETTLE_MS), this.ended]);
    this.#signal(served ? "SIGTERM" : "SIGKILL");
    const timer = setTimeout(() => this.#signal("SIGKILL"), this.spec.timeoutMs + KILL_GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it at once, for a reason. */
  kill(end: ProcessEnd): void {
    this.#end ??= end;
    this.#signal("SIGKILL");
  }

  /** Ends it when it uses more memory than it may. */
  checkMemory(residentBytes: number): void {
    if (residentBytes <= this.spec.memoryBytes) return;
    const used = formatSize(Math.ceil(residentBytes / 2 ** 20) * 2 ** 20);
    this.kill({
      code: "OUT_OF_MEMORY",
      detail: `The function used ${used} of memory, more than its limit of ${formatSize(this.spec.memoryBytes)}; deploy it with a larger --memory`,
    });
  }

  /** Asks whether it lives when that was asked long enough ago; ends it when it has not answered for the endpoint's timeout and more. */
  checkAlive(nowMs: number): void {
    if (!this.ready) return;
    if (this.#probeSinceMs === undefined) {
      // Each at times of its own: all at once would hold up the requests of all.
      if (nowMs - this.#askedMs < ALIVE_CHECK_MS) return;
      this.#askedMs = nowMs;
      this.#probeSinceMs = nowMs;
      probeReady({ socketPath: this.socketPath }, AbortSignal.timeout(this.spec.timeoutMs + STUCK_GRACE_MS))
        .then(() => (this.#probeSinceMs = undefined))
        .catch(() => {});
    } else if (nowMs - this.#probeSinceMs > this.spec.timeoutMs + STUCK_GRACE_MS) {
      const seconds = Math.round((nowMs - this.#probeSinceMs) / 1000);
      this.kill({
        code: "REPLICA_FAILED",
        detail: `The function's process did not answer for ${seconds} s and was ended`,
      });
    }
  }

  async #awaitReady(): Promise<void> {
    const { startTimeoutMs } = this.#options;
    const timeout = setTimeout(() => {
      this.kill({
        code: "START_TIMEOUT",
        detail: `The function was not loaded within ${startTimeoutMs / 1000} s`,
      });
    }, startTimeoutMs);
    try {
      const answer = await waitUntilReady(this.socketPath, this.#starting.signal, this.#room.listenPath);
      if (this.stopping || this.#gone) return;
      if (!answer.ready) return this.kill({ code: "FUNCTION_LOAD_FAILED", detail: answer.detail ?? "" });
      this.ready = true;
      this.wasReady = true;
      this.stages.record("ready");
      this.#events.ready(this);
    } catch {
      // Stopped, or gone: whoever did that tells.
    } finally {
      clearTimeout(timeout);
    }
  }

  #onGone(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#starting.abort(REPLICA_REMOVED);
    // Processes that the function started are in its group.
    this.#signal("SIGKILL");
    this.ready = false;
    for (const path of this.belongings) rmSync(path, { recursive: true, force: true });
    this.#release?.();
    this.#events.ended(this);
    if (!this.stopping) {
      this.#events.failed(this, this.#end ?? { code: "REPLICA_EXITED", detail: "The function's process ended" });
    }
    this.#resolveEnded();
  }

  #exitReason(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
    if (this.lastLines.some((line) => NO_MEMORY.test(line))) {
      return {
        code: "OUT_OF_MEMORY",
        detail: `The function ran out of memory: its limit is ${formatSize(this.spec.memoryBytes)}; deploy it with a larger --memory`,
      };
    }
    const missing = this.#programMissing();
    if (code === NO_PROGRAM && this.#options.apart && missing && this.lastLines.length === 0) return missing;
    const how = signal ? `by signal ${signal} (${constants.signals[signal]})` : `with exit code ${code}`;
    const when = this.ready ? "while it served" : "before it was ready";
    return { code: "REPLICA_EXITED", detail: `The function's process ended ${how} ${when}` };
  }

  #startError(error: NodeJS.ErrnoException): ProcessEnd {
    const missing = this.#programMissing();
    if (error.code === "ENOENT" && missing) return missing;
    return { code: "REPLICA_EXITED", detail: `The function's process could not be started: ${error.message}` };
  }

  /** Returns what to say of a program that is not installed; undefined for a program that always is. */
  #programMissing(): ProcessEnd | undefined {
    const { missing, program } = runtimeCommand(this.spec.runtime);
    return missing && { code: "RUNTIME_MISSING", detail: missing(program(this.#options)) };
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      // The processes that the function started work for the calls in flight: they end with the group, by SIGKILL.
      process.kill(signal === "SIGTERM" ? pid : -pid, signal);
    } catch {
      // It is gone.
    }
  }

  #spawn(folder: string, secrets: Readonly<Record<string, string>>): ChildProcess {
    const { spec } = this;
    const { runtime, memoryBytes } = spec;
    const { apart, blanks, cacheFolder } = this.#options;
    const shared = cacheOf(runtime, cacheFolder);
    if (apart === undefined) mkdirSync(this.#room.home, { recursive: true });
    const taken = blanks.take(spec, folder, { ...this.#room, cacheFolder: shared }, (...of) =>
      this.#environment(secrets, ...of),
    );
    if (taken?.apart) {
      this.#room = taken.apart.room;
      this.#release = taken.apart.place.release;
    }
    if (taken) return taken.child;
    const own = programOf(runtime, memoryBytes, this.#options);
    let command: readonly [program: string, ...args: string[]] = [...own, runtimeCommand(runtime).wrapper];
    let cache = shared;
    if (apart) {
      this.#room = apart.isolation.room(this.id);
      cache = join(cacheFolder, codeKey(spec));
      mkdirSync(cache, { recursive: true });
      const reach = { read: [folder], write: [cache], dataBytes: dataBound(spec) };
      command = apart.isolation.command(runtime, command, this.#room, reach);
    }
    const env = this.#environment(secrets, this.#room, cache);
    const [program, ...args] = command;
    return spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  }

  #environment(
    secrets: Readonly<Record<string, string>>,
    { home, listenPath }: ProcessFolder,
    cache: string,
  ): NodeJS.ProcessEnv {
    return {
      ...runtimeEnvironment(this.spec.runtime, home, cache),
      ...functionEnvironment(this.spec, listenPath, secrets),
    };
  }
}

/** Bytes of memory that a process has resident (proc(5): the second field of statm, in pages of 4 KiB); undefined where /proc is not. */
export function residentBytes(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
  } catch {
    return undefined;
  }
}
