import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import type { EndpointSpec, Runtime } from "@faas/core";
import { type RuntimeOptions, runtimeCommand, runtimeEnvironment } from "./replica-environment.ts";

/** New ones are started so long after one was missed: mostly not while the function that took it starts. */
const REFILL_MS = 500;
/** Heaps of different sizes, mostly: for those that most endpoints have. */
const KINDS_MOST = 3;
/** What a runtime, or the libraries under it, read when they start: too late for a process that has started. */
const READ_AT_START = /^(?:NODE_|PYTHON|LD_|DYLD_|GLIBC_|MALLOC_|OPENSSL_|SSL_|UV_|LC_|LANG$|TZ$)/;

const programs = join(import.meta.dirname, "../blank");

interface Kind {
  readonly runtime: Runtime;
  readonly memoryBytes: number;
  /** Endpoints that could use one. */
  endpoints: number;
  readonly waiting: Blank[];
}

interface Blank {
  readonly child: ChildProcess;
  readonly socketPath: string;
}

/**
 * A few processes that have started their runtime and nothing else, so that a cold start need not wait for it
 * (docs/decisions/0016-blank-processes.md). Each is used once.
 */
export class BlankProcesses {
  readonly #size: number;
  readonly #options: RuntimeOptions;
  readonly #kinds = new Map<string, Kind>();
  /** The wrapper of the last function in Python: most likely the next one's too. */
  #pythonWrapper: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param size of each kind that there are endpoints for; 0: none at all */
  constructor(size: number, options: RuntimeOptions) {
    this.#size = size;
    this.#options = options;
  }

  /** There is an endpoint that could use one. */
  hold(spec: EndpointSpec): void {
    if (this.#size === 0) return;
    const name = kindOf(spec);
    const kind = this.#kinds.get(name);
    if (kind) kind.endpoints++;
    else {
      const { runtime, memoryBytes } = spec;
      this.#kinds.set(name, { runtime, memoryBytes, endpoints: 1, waiting: [] });
    }
    this.#fillSoon();
  }

  /** The endpoint is gone, or is another one. */
  release(spec: EndpointSpec): void {
    const name = kindOf(spec);
    const kind = this.#kinds.get(name);
    if (kind === undefined || --kind.endpoints > 0) return;
    this.#kinds.delete(name);
    end(kind.waiting);
  }

  /** Makes one of them the process of this function; undefined when there is none for it. `env` is all of its environment. */
  take(spec: EndpointSpec, folder: string, env: NodeJS.ProcessEnv): ChildProcess | undefined {
    if (spec.runtime === "python") this.#pythonWrapper = join(folder, ".interface.py");
    if (Object.keys({ ...spec.env, ...spec.secrets }).some((name) => READ_AT_START.test(name))) return undefined;
    const blank = this.#kinds.get(kindOf(spec))?.waiting.shift();
    if (blank === undefined) return undefined;
    this.#fillSoon();
    const { child } = blank;
    child.removeAllListeners();
    const orders = child.stdio[3] as Writable;
    // It has ended just now: its exit tells.
    orders.on("error", () => {});
    orders.end(`${JSON.stringify({ folder, env })}\n`);
    return child;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { waiting } of this.#kinds.values()) end(waiting);
    this.#kinds.clear();
  }

  #fillSoon(): void {
    this.#timer ??= setTimeout(() => this.#fill(), REFILL_MS).unref();
  }

  #fill(): void {
    this.#timer = undefined;
    const kinds = [...this.#kinds.values()].toSorted((a, b) => b.endpoints - a.endpoints);
    for (const { waiting } of kinds.slice(KINDS_MOST)) end(waiting);
    for (const kind of kinds.slice(0, KINDS_MOST))
      for (let missing = this.#size - kind.waiting.length; missing > 0; missing--) this.#start(kind);
  }

  #start({ runtime, memoryBytes, waiting }: Kind): void {
    const { runFolder } = this.#options;
    const socketPath = join(runFolder, `blank-${randomBytes(4).toString("hex")}.sock`);
    const [program, ...args] = runtimeCommand(runtime, memoryBytes, this.#options);
    const python = runtime === "python";
    const file = join(programs, python ? "blank.py" : "blank.mjs");
    const hint = python && this.#pythonWrapper ? [this.#pythonWrapper] : [];
    const child = spawn(program, [...args, file, ...hint], {
      cwd: runFolder,
      // The socket is in its environment, as in a replica's: the next server finds it there when this one is killed.
      env: { ...runtimeEnvironment(runtime, runFolder, this.#options), PORT: socketPath },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      detached: true,
    });
    const blank = { child, socketPath };
    const gone = () => {
      const index = waiting.indexOf(blank);
      if (index >= 0) waiting.splice(index, 1);
      rmSync(socketPath, { force: true });
    };
    child.once("exit", gone);
    // There is no such program: the function's own start will say so.
    child.once("error", gone);
    waiting.push(blank);
  }
}

function end(blanks: Blank[]): void {
  for (const { child, socketPath } of blanks.splice(0)) {
    child.kill("SIGKILL");
    rmSync(socketPath, { force: true });
  }
}

const kindOf = ({ runtime, memoryBytes }: EndpointSpec) => (runtime === "python" ? "python" : `node ${memoryBytes}`);
