import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Runtime } from "@faas/core";
import type { Landlock, Reach } from "./landlock.ts";
import { programReach, systemReach } from "./reach.ts";

/** `auto`: where it can be had. `required`: not without. `off`: never. */
export type IsolationMode = "auto" | "required" | "off";

/** Where one process of a function lives. */
export interface Room {
  /** Its home and its folder for temporary files, its alone. */
  readonly home: string;
  /** Where it is told to listen. */
  readonly listenPath: string;
}

export interface IsolationOptions {
  /** Folders and files that no function may reach. */
  readonly secret: readonly string[];
  readonly runFolder: string;
  readonly node: string;
  readonly python: string;
  /** Files and folders beside the system's that functions may read. */
  readonly readable: readonly string[];
}

const PYTHON_PLACES = "import sys; print(sys.executable, sys.prefix, sys.base_prefix, sep='\\n')";
const programs = join(import.meta.dirname, "../blank");

/** Runs processes that reach nothing of the server's, by Landlock (docs/decisions/0024-sandboxed-functions-on-one-machine.md). */
export class Isolation {
  readonly #landlock: Landlock;
  readonly #options: IsolationOptions;
  readonly #secret: readonly string[];
  readonly #system: readonly string[];
  readonly #node: readonly string[];
  /** Python itself, not what a version manager puts in its place; undefined until it was asked. */
  #python: { readonly program: string; readonly rules: readonly string[] } | undefined;

  constructor(landlock: Landlock, options: IsolationOptions) {
    this.#landlock = landlock;
    this.#options = options;
    this.#secret = options.secret;
    const { read, write } = systemReach(this.#secret, options.readable);
    this.#system = landlock.rules({ read: [...read, programs], write });
    this.#node = landlock.rules({ read: programReach(options.node, this.#secret), write: [] });
  }

  /** Finds where a runtime is installed, once. */
  async prepare(runtime: Runtime): Promise<void> {
    if (runtime === "node" || this.#python !== undefined) return;
    try {
      const { stdout } = await promisify(execFile)(this.#options.python, ["-c", PYTHON_PLACES], { timeout: 10_000 });
      const [program = "", ...prefixes] = stdout.trim().split("\n");
      const files = [program, ...prefixes.map((prefix) => join(prefix, "bin/python3"))];
      const read = [program, ...files.flatMap((file) => programReach(file, this.#secret))];
      this.#python = { program, rules: this.#landlock.rules({ read: [...new Set(read)], write: [] }) };
    } catch {
      // It is not there, or is none: the start of the function tells.
    }
  }

  /** Makes the folder of a process, which ends with `removeRoom`. */
  room(name: string): Room {
    const folder = join(this.#options.runFolder, name);
    mkdirSync(join(folder, "tmp"), { recursive: true, mode: 0o700 });
    return { home: join(folder, "tmp"), listenPath: join(folder, "s") };
  }

  /** The command of a process that can read the system and `read`, write to its room and to `write`, and map `dataBytes` for writing (0: any). */
  command(
    runtime: Runtime,
    [program, ...args]: readonly [program: string, ...args: string[]],
    room: Room,
    { read, write, dataBytes }: Reach & { readonly dataBytes: number },
  ): readonly [program: string, ...args: string[]] {
    const rules = [...this.#system, ...this.#landlock.rules({ read, write: [folderOf(room), ...write] })];
    if (runtime === "node") return this.#landlock.command(program, args, [...rules, ...this.#node], dataBytes);
    const { program: python = program, rules: installed = [] } = this.#python ?? {};
    return this.#landlock.command(python, args, [...rules, ...installed], dataBytes);
  }
}

/** All that a room is. */
export const folderOf = (room: Room): string => dirname(room.home);
