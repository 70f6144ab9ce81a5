import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Language, Runtime } from "@faas/core";
import { type Programs, type RuntimeCommand, runtimeCommand } from "../../common/runtime-command.ts";
import { programReach, systemReach } from "./allowed-paths.ts";
import type { AllowedPaths, Landlock } from "./landlock.ts";

/** `auto`: where it can be had. `required`: not without. `off`: never. */
export type IsolationMode = "auto" | "required" | "off";

/** Where one process of a function lives. */
export interface ProcessFolder {
  /** Its home and its folder for temporary files, its alone. */
  readonly home: string;
  /** Where it is told to listen. */
  readonly listenPath: string;
}

export interface IsolationOptions extends Programs {
  /** Folders and files that no function may reach. */
  readonly secret: readonly string[];
  readonly runFolder: string;
  /** Files and folders beside the system's that functions may read. */
  readonly readable: readonly string[];
}

/** A program itself, not what a version manager puts in its place, and the rules that let it be read. */
interface Installed {
  readonly program: string;
  readonly rules: readonly string[];
}

const programs = join(import.meta.dirname, "../../../programs");

/** Runs processes that reach nothing of the server's, by Landlock (docs/decisions/0024-sandboxed-functions-on-one-machine.md). */
export class Sandbox {
  readonly #landlock: Landlock;
  readonly #options: IsolationOptions;
  readonly #secret: readonly string[];
  readonly #system: readonly string[];
  /** By the name of the runtime's command; those that were found. */
  readonly #installed = new Map<string, Installed>();

  constructor(landlock: Landlock, options: IsolationOptions) {
    this.#landlock = landlock;
    this.#options = options;
    this.#secret = options.secret;
    const { read, write } = systemReach(this.#secret, options.readable);
    this.#system = landlock.rules({ read: [...read, programs], write });
  }

  /** Finds where a runtime is installed, once; returns nothing to wait for when that is known already. */
  prepare(runtime: Language): Promise<void> | undefined {
    const command = runtimeCommand(runtime);
    if (this.#installed.has(command.name)) return undefined;
    const program = command.program(this.#options);
    if (command.printInstallation) return this.#ask(command.name, program, command.printInstallation);
    this.#keep(command.name, program, programReach(program, this.#secret));
    return undefined;
  }

  async #ask(name: RuntimeCommand["name"], asked: string, args: readonly string[]): Promise<void> {
    try {
      const { stdout } = await promisify(execFile)(asked, args, { timeout: 10_000 });
      const [program = "", ...others] = stdout.trim().split("\n");
      this.#keep(name, program, [program, ...[program, ...others].flatMap((file) => programReach(file, this.#secret))]);
    } catch {
      // It is not there, or is none: the start of the function tells.
    }
  }

  #keep(name: RuntimeCommand["name"], program: string, read: readonly string[]): void {
    this.#installed.set(name, { program, rules: this.#landlock.rules({ read: [...new Set(read)], write: [] }) });
  }

  /** Makes the folder of a process, which ends with `removeRoom`. */
  room(name: string): ProcessFolder {
    const folder = join(this.#options.runFolder, name);
    mkdirSync(join(folder, "tmp"), { recursive: true, mode: 0o700 });
    return { home: join(folder, "tmp"), listenPath: join(folder, "s") };
  }

  /** The command of a process that can read the system and `read`, write to its room and to `write`, and map `dataBytes` for writing (0: any). */
  command(
    runtime: Runtime,
    [program, ...args]: readonly [program: string, ...args: string[]],
    room: ProcessFolder,
    { read, write, dataBytes }: AllowedPaths & { readonly dataBytes: number },
  ): readonly [program: string, ...args: string[]] {
    const rules = [...this.#system, ...this.#landlock.rules({ read, write: [folderOf(room), ...write] })];
    const found = this.#installed.get(runtimeCommand(runtime).name);
    return this.#landlock.command(found?.program ?? program, args, [...rules, ...(found?.rules ?? [])], dataBytes);
  }
}

/** All that a room is. */
export const folderOf = (room: ProcessFolder): string => dirname(room.home);
