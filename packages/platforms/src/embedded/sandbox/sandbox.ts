import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Language, Runtime } from "@faas/core";
import { type Programs, runtimeCommand } from "../../common/runtime-command.ts";
import { programPaths, systemPaths, type TemporaryFiles } from "./allowed-paths.ts";
import { type AllowedPaths, type Landlock, type LaunchOptions, PROGRAMS_FOLDER } from "./landlock.ts";
import { temporaryMounts, visibleMounts } from "./private-temp.ts";

/** When functions are sandboxed: `auto` where the machine supports it, `required` fails where it does not. */
export type IsolationMode = "auto" | "required" | "off";

/** The private folder of one process. */
export interface ProcessFolder {
  readonly path: string;
  /** Home folder, also used for temporary files, as the process sees it. */
  readonly home: string;
  /** Path of the socket that the process creates. */
  readonly listenPath: string;
}

export interface SandboxOptions extends Programs {
  readonly temporary: TemporaryFiles;
  /** Files and folders that no function may use. */
  readonly forbidden: readonly string[];
  readonly runFolder: string;
  /** Files and folders that functions may read in addition to the system's. */
  readonly readable: readonly string[];
}

/** An installed runtime: its real program instead of a version manager's script, and the rules that permit reading it. */
interface Installation {
  readonly program: string;
  readonly paths: readonly string[];
  readonly rules: readonly string[];
}

/** Runs processes that cannot use the server's files, by means of Landlock (docs/decisions/0024-sandboxed-functions-on-one-machine.md). */
export class Sandbox {
  readonly #landlock: Landlock;
  readonly #options: SandboxOptions;
  readonly #systemRules: readonly string[];
  readonly #readable: readonly string[];
  /** Found installations by the name of the runtime's command. */
  readonly #installations = new Map<string, Installation>();
  readonly #programPaths = (program: string) => programPaths(program, this.#options.forbidden);

  constructor(landlock: Landlock, options: SandboxOptions) {
    this.#landlock = landlock;
    this.#options = options;
    const { read, write } = systemPaths(options.forbidden, options.readable, options.temporary);
    this.#readable = [...read, PROGRAMS_FOLDER];
    this.#systemRules = landlock.rules({ read: this.#readable, write });
  }

  /** Finds where a runtime is installed. Returns undefined if the installation is known already, or can be looked up at once. */
  prepare(runtime: Language): Promise<void> | undefined {
    const { name, program: programIn, printInstallation } = runtimeCommand(runtime);
    if (this.#installations.has(name)) return undefined;
    const program = programIn(this.#options);
    if (printInstallation) return this.#findInstallation(name, program, printInstallation);
    this.#addInstallation(name, program, this.#programPaths(program));
    return undefined;
  }

  async #findInstallation(name: string, command: string, args: readonly string[]): Promise<void> {
    try {
      const { stdout } = await promisify(execFile)(command, args, { timeout: 10_000 });
      const [program = "", ...others] = stdout.trim().split("\n");
      this.#addInstallation(name, program, [program, ...[program, ...others].flatMap(this.#programPaths)]);
    } catch {
      // The function's own start reports a missing program.
    }
  }

  #addInstallation(name: string, program: string, read: readonly string[]): void {
    const paths = [...new Set(read)];
    this.#installations.set(name, { program, paths, rules: this.#landlock.rules({ read: paths, write: [] }) });
  }

  /** Creates the private folder of a process. */
  createFolder(name: string): ProcessFolder {
    const path = join(this.#options.runFolder, name);
    const temporary = join(path, "tmp");
    mkdirSync(temporary, { recursive: true, mode: 0o700 });
    if (this.#isPrivate)
      for (const [, source] of temporaryMounts(path)) mkdirSync(source, { recursive: true, mode: 0o700 });
    return { path, home: this.#isPrivate ? "/tmp" : temporary, listenPath: join(path, "s") };
  }

  /**
   * Returns the command of a process that can read the system and `read`, and write to its own folder and `write`.
   *
   * @param allowed with `dataBytes`, the bytes that it may map for writing (RLIMIT_DATA), where 0 sets no limit, and `mounts`
   */
  command(
    runtime: Runtime,
    [program, ...args]: readonly [program: string, ...args: string[]],
    folder: ProcessFolder,
    { read, write, dataBytes, mounts = [] }: AllowedPaths & LaunchOptions,
  ): readonly [program: string, ...args: string[]] {
    const installation = this.#installations.get(runtimeCommand(runtime).name);
    const installed = installation ? [installation] : [];
    return this.#restrict([installation?.program ?? program, ...args], installed, folder, {
      read,
      write,
      dataBytes,
      mounts,
    });
  }

  /** Returns the command of a server, which can run the programs of all runtimes; the rest is as for `command`. */
  commandOfServer(
    command: readonly [program: string, ...args: string[]],
    folder: ProcessFolder,
    allowed: AllowedPaths & LaunchOptions,
  ): readonly [program: string, ...args: string[]] {
    return this.#restrict(command, [...this.#installations.values()], folder, allowed);
  }

  #restrict(
    [program, ...args]: readonly [program: string, ...args: string[]],
    installations: readonly Installation[],
    folder: ProcessFolder,
    { read, write, dataBytes, mounts = [] }: AllowedPaths & LaunchOptions,
  ): readonly [program: string, ...args: string[]] {
    const own = { read, write: [folder.path, ...write] };
    const installed = installations.flatMap(({ rules }) => rules);
    const rules = [...this.#systemRules, ...this.#landlock.rules(own), ...installed];
    const paths = installations.flatMap((each) => each.paths);
    const visible = { read: [...this.#readable, ...read, ...paths], write: own.write };
    const all = this.#isPrivate ? [...temporaryMounts(folder.path), ...visibleMounts(visible), ...mounts] : [];
    return this.#landlock.command(program, args, rules, { dataBytes, mounts: all });
  }

  /** True if each process has its own /tmp, and mounts. */
  get #isPrivate(): boolean {
    return this.#options.temporary === "private";
  }
}
