import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Language, Runtime } from "@faas/core";
import { type Programs, runtimeCommand } from "../../common/runtime-command.ts";
import { programPaths, systemPaths } from "./allowed-paths.ts";
import { type AllowedPaths, type Landlock, PROGRAMS_FOLDER } from "./landlock.ts";

/** When functions are sandboxed: `auto` where the machine supports it, `required` fails where it does not. */
export type IsolationMode = "auto" | "required" | "off";

/** The private folder of one process. */
export interface ProcessFolder {
  readonly path: string;
  /** Home folder, also used for temporary files. */
  readonly home: string;
  /** Path of the socket that the process creates. */
  readonly listenPath: string;
}

export interface SandboxOptions extends Programs {
  /** Files and folders that no function may use. */
  readonly forbidden: readonly string[];
  readonly runFolder: string;
  /** Files and folders that functions may read in addition to the system's. */
  readonly readable: readonly string[];
}

/** An installed runtime: its real program instead of a version manager's script, and the rules that permit reading it. */
interface Installation {
  readonly program: string;
  readonly rules: readonly string[];
}

/** Runs processes that cannot use the server's files, by means of Landlock (docs/decisions/0024-sandboxed-functions-on-one-machine.md). */
export class Sandbox {
  readonly #landlock: Landlock;
  readonly #options: SandboxOptions;
  readonly #systemRules: readonly string[];
  /** Found installations by the name of the runtime's command. */
  readonly #installations = new Map<string, Installation>();
  readonly #programPaths = (program: string) => programPaths(program, this.#options.forbidden);

  constructor(landlock: Landlock, options: SandboxOptions) {
    this.#landlock = landlock;
    this.#options = options;
    const { read, write } = systemPaths(options.forbidden, options.readable);
    this.#systemRules = landlock.rules({ read: [...read, PROGRAMS_FOLDER], write });
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
    const rules = this.#landlock.rules({ read: [...new Set(read)], write: [] });
    this.#installations.set(name, { program, rules });
  }

  /** Creates the private folder of a process. */
  createFolder(name: string): ProcessFolder {
    const path = join(this.#options.runFolder, name);
    const home = join(path, "tmp");
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return { path, home, listenPath: join(path, "s") };
  }

  /**
   * Returns the command of a process that can read the system and `read`, and write to its own folder and `write`.
   *
   * @param allowed with `dataBytes`, the bytes that it may map for writing (RLIMIT_DATA); 0 sets no limit
   */
  command(
    runtime: Runtime,
    [program, ...args]: readonly [program: string, ...args: string[]],
    folder: ProcessFolder,
    { read, write, dataBytes }: AllowedPaths & { readonly dataBytes: number },
  ): readonly [program: string, ...args: string[]] {
    const installation = this.#installations.get(runtimeCommand(runtime).name);
    const own = this.#landlock.rules({ read, write: [folder.path, ...write] });
    const rules = [...this.#systemRules, ...own, ...(installation?.rules ?? [])];
    return this.#landlock.command(installation?.program ?? program, args, rules, dataBytes);
  }
}
