import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { Writable } from "node:stream";
import type { EndpointSpec, Runtime } from "@faas/core";
import { programOf, runtimeCommand } from "../../common/runtime-command.ts";
import { cacheOf, type RuntimeOptions, runtimeEnvironment } from "../../common/wrapper-environment.ts";
import { dataBound } from "../sandbox/memory-rlimit.ts";
import { folderOf, type ProcessFolder, type Sandbox } from "../sandbox/sandbox.ts";
import { type CodePlace, type CodePlaces, type Slot, writableOf } from "./code-slots.ts";

/** New ones are started so long after one was missed: mostly not while the function that took it starts. */
const REFILL_MS = 500;
/** Heaps of different sizes, mostly: for those that most endpoints have. */
const MAX_KINDS = 3;
/** What a runtime, or the libraries under it, read when they start: too late for a process that has started. */
const READ_AT_START = /^(?:NODE_|PYTHON|LD_|DYLD_|GLIBC_|MALLOC_|OPENSSL_|SSL_|UV_|LC_|LANG$|TZ$)/;

const programs = join(import.meta.dirname, "../../../programs");

interface Kind {
  readonly runtime: Runtime;
  readonly memoryBytes: number;
  /** Endpoints that could use one. */
  endpoints: number;
  readonly waiting: Blank[];
}

interface Blank {
  readonly child: ChildProcess;
  /** Removes what it was given. */
  readonly clean: () => void;
  /** What it is restricted to; absent where it is not. */
  readonly apart?: { readonly room: ProcessFolder; readonly slot: Slot };
}

/** How processes are kept apart. */
export interface SandboxContext {
  readonly isolation: Sandbox;
  readonly places: CodePlaces;
}

/** A blank process that has become a function's. */
export interface Taken {
  readonly child: ChildProcess;
  /** Where it lives, when it brought that with it. */
  readonly apart?: { readonly room: ProcessFolder; readonly place: CodePlace };
}

/**
 * A few processes that have started their runtime and nothing else, so that a cold start need not wait for it
 * (docs/decisions/0016-prewarmed-processes.md). Each is used once.
 */
export class PrewarmPool {
  readonly #size: number;
  readonly #options: RuntimeOptions;
  readonly #apart: SandboxContext | undefined;
  readonly #kinds = new Map<string, Kind>();
  /** The wrapper of the last function of each runtime that compiles it ahead: most likely the next one's too. */
  readonly #wrappers = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param size of each kind that there are endpoints for; 0: none at all */
  constructor(size: number, options: RuntimeOptions, apart?: SandboxContext) {
    this.#size = size;
    this.#options = options;
    this.#apart = apart;
  }

  /** There is an endpoint that could use one. */
  hold(spec: EndpointSpec): void {
    const name = kindOf(spec);
    if (this.#size === 0 || name === undefined) return;
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
    const kind = name === undefined ? undefined : this.#kinds.get(name);
    if (name === undefined || kind === undefined || --kind.endpoints > 0) return;
    this.#kinds.delete(name);
    end(kind.waiting);
  }

  /**
   * Makes one of them the process of this function; undefined when there is none for it. `environment` gives all of its environment, `own` is where a process
   * lives that brings no room.
   */
  take(
    spec: EndpointSpec,
    folder: string,
    own: ProcessFolder & { readonly cacheFolder: string },
    environment: (room: ProcessFolder, cacheFolder: string) => NodeJS.ProcessEnv,
  ): Taken | undefined {
    const { name, wrapper, compilesWrapper, boundedWhenClaimed } = runtimeCommand(spec.runtime);
    if (compilesWrapper) this.#wrappers.set(name, join(folder, wrapper));
    if (Object.keys({ ...spec.env, ...spec.secrets }).some((variable) => READ_AT_START.test(variable)))
      return undefined;
    const waiting = this.#kinds.get(kindOf(spec) ?? "")?.waiting ?? [];
    const index = waiting.findIndex(({ child, apart }) => apart === undefined || isRestricted(child));
    if (index < 0 || this.#apart?.places.prepare(spec, folder) === false) return undefined;
    const blank = waiting.splice(index, 1)[0] as Blank;
    this.#fillSoon();
    const { child, apart } = blank;
    if (apart === undefined) {
      order(child, folder, environment(own, own.cacheFolder));
      return { child };
    }
    const place = this.#apart?.places.take(spec, apart.slot);
    if (place === undefined) {
      end([blank]);
      return undefined;
    }
    const bound = boundedWhenClaimed ? dataBound(spec) : undefined;
    order(child, place.code, environment(apart.room, place.cache), bound);
    return { child, apart: { room: apart.room, place } };
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
    for (const { waiting } of kinds.slice(MAX_KINDS)) end(waiting);
    for (const kind of kinds.slice(0, MAX_KINDS))
      for (let missing = this.#size - kind.waiting.length; missing > 0; missing--) this.#start(kind);
  }

  #start({ runtime, memoryBytes, waiting }: Kind): void {
    const { runFolder, cacheFolder } = this.#options;
    const { name: runtimeName, prewarmed, boundedWhenClaimed } = runtimeCommand(runtime);
    const file = join(programs, prewarmed);
    const name = `blank-${randomBytes(4).toString("hex")}`;
    const [program, ...args] = programOf(runtime, memoryBytes, this.#options);
    let socketPath = join(runFolder, `${name}.sock`);
    let home = runFolder;
    let hint = this.#wrappers.get(runtimeName);
    let command: readonly [program: string, ...args: string[]];
    let apart: Blank["apart"];
    if (this.#apart === undefined) command = [program, ...args, file, ...(hint ? [hint] : [])];
    else {
      const { isolation, places } = this.#apart;
      const [room, slot] = [isolation.room(name), places.slot(name)];
      apart = { room, slot };
      // Another than the function's: the server takes that one away as soon as it is there.
      socketPath = join(folderOf(room), "b");
      home = room.home;
      hint &&= copyOf(hint, join(slot.folder, basename(hint)));
      const dataBytes = boundedWhenClaimed ? 0 : dataBound({ runtime, memoryBytes });
      const reach = { read: [slot.folder], write: [writableOf(slot)], dataBytes };
      command = isolation.command(runtime, [program, ...args, file, ...(hint ? [hint] : [])], room, reach);
    }
    const child = spawn(command[0], command.slice(1), {
      cwd: home,
      // The socket is in its environment, as in a replica's: the next server finds it there when this one is killed.
      env: {
        ...runtimeEnvironment(runtime, home, apart ? undefined : cacheOf(runtime, cacheFolder)),
        PORT: socketPath,
      },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      detached: true,
    });
    const clean = () => {
      rmSync(apart ? folderOf(apart.room) : socketPath, { recursive: true, force: true });
      if (apart) this.#apart?.places.removeSlot(apart.slot);
    };
    const blank: Blank = { child, clean, ...(apart ? { apart } : {}) };
    const gone = () => {
      const index = waiting.indexOf(blank);
      if (index >= 0) waiting.splice(index, 1);
      clean();
    };
    child.once("exit", gone);
    // There is no such program: the function's own start will say so.
    child.once("error", gone);
    waiting.push(blank);
  }
}

/** It has become the program that is restricted: until then its slot may not be moved away. */
function isRestricted({ pid }: ChildProcess): boolean {
  try {
    return !/\/restrict\.p[ly]\0/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
  } catch {
    return false;
  }
}

/** Tells a blank process whose it is, and what it may map for writing where it was not bounded when it started. */
function order(child: ChildProcess, folder: string, env: NodeJS.ProcessEnv, dataBytes?: number): void {
  child.removeAllListeners();
  const orders = child.stdio[3] as Writable;
  // It has ended just now: its exit tells.
  orders.on("error", () => {});
  orders.end(`${JSON.stringify({ folder, env, dataBytes })}\n`);
}

function copyOf(file: string, to: string): string | undefined {
  try {
    copyFileSync(file, to);
    return to;
  } catch {
    return undefined;
  }
}

function end(blanks: Blank[]): void {
  for (const { child, clean } of blanks.splice(0)) {
    child.kill("SIGKILL");
    clean();
  }
}

/** Names what a waiting process can become: any memory limit fits one that takes its limit when it is claimed. Undefined for what no process here can. */
function kindOf({ runtime, memoryBytes }: EndpointSpec): string | undefined {
  if (runtime === "dockerfile") return undefined;
  const { name, boundedWhenClaimed } = runtimeCommand(runtime);
  return boundedWhenClaimed ? name : `${name} ${memoryBytes}`;
}
