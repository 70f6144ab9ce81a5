import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";

// Landlock (landlock(7)): a process gives up rights on files for itself and for all processes that it starts.

/** Rights on a file hierarchy (linux/landlock.h). */
const EXECUTE = 1;
const WRITE_FILE = 2;
const READ_FILE = 4;
const READ_DIR = 8;
const TRUNCATE = 0x4000;
const IOCTL = 0x8000;
/** Known rights by Landlock version: 1 has all up to creating symbolic links; 2 adds renaming across folders, 3 truncating, 5 ioctl on devices. */
const HANDLED: readonly number[] = [0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff];
/** Scopes since version 6: restricted processes can send signals and connect to abstract sockets only among themselves. */
const SCOPED = 3;

/** Numbers of prctl(2), capset(2) and prlimit(2), which differ by architecture; those of Landlock do not. */
const SYSCALLS: Partial<Record<NodeJS.Architecture, readonly [prctl: number, capset: number, prlimit: number]>> = {
  x64: [157, 126, 302],
  arm64: [167, 91, 261],
};

const NO_LANDLOCK = "this kernel does not support Landlock, or does not permit it";
export const PROGRAMS_FOLDER = join(import.meta.dirname, "../../../programs");
const PERL_LAUNCHER = join(PROGRAMS_FOLDER, "launcher.pl");
const PYTHON_LAUNCHER = join(PROGRAMS_FOLDER, "launcher.py");
const LAUNCHERS = [
  ["perl", PERL_LAUNCHER],
  ["python3", "-ISs", PYTHON_LAUNCHER],
] as const;

/** Paths that a process may use; missing ones are ignored. */
export interface AllowedPaths {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/**
 * Checks whether a process still runs the launcher, and thus is not restricted yet.
 *
 * @param commandLine arguments separated by NUL, as in /proc/<pid>/cmdline
 */
export const isLauncher = (commandLine: string): boolean =>
  commandLine.split("\0").some((argument) => argument === PERL_LAUNCHER || argument === PYTHON_LAUNCHER);

/** Builds commands that run programs restricted by Landlock. */
export class Landlock {
  readonly version: number;
  readonly #launcher: readonly string[];

  private constructor(version: number, launcher: readonly string[]) {
    this.version = version;
    this.#launcher = launcher;
  }

  /** Tests Landlock on this machine, which takes some milliseconds. Returns the reason as text if it is unavailable. */
  static find(): Landlock | string {
    if (process.platform !== "linux") return "Landlock needs Linux";
    const syscalls = SYSCALLS[process.arch];
    if (syscalls === undefined) return `faas does not support Landlock on ${process.arch}`;
    let hasLauncher = false;
    for (const [program, ...args] of LAUNCHERS) {
      const version = run(program, [...args, "version"]);
      if (version === undefined) continue;
      hasLauncher = true;
      if (!(Number(version) > 0)) break;
      const [prctl, capset, prlimit] = syscalls;
      // Root's capabilities would be ways around the restrictions.
      const dropped = process.getuid?.() === 0 ? capset : 0;
      const numbers = [prctl, dropped, prlimit].map(String);
      const found = new Landlock(Number(version), [program, ...args, ruleset(Number(version)), ...numbers]);
      const [first, ...rest] = found.command("true", [], found.rules({ read: ["/"], write: [] }));
      if (run(first, rest) !== undefined) return found;
    }
    return hasLauncher ? NO_LANDLOCK : "sandboxing needs Perl or Python 3, and neither is installed";
  }

  /** True if it restricts signals as well as files. */
  get stopsSignals(): boolean {
    return this.version >= 6;
  }

  /** Builds rules for `command`. Rules that many processes share are built once. */
  rules({ read, write }: AllowedPaths): readonly string[] {
    const handled = handledBy(this.version);
    return [
      ...read.flatMap((path) => rule(path, EXECUTE | READ_FILE | READ_DIR)),
      ...write.flatMap((path) => rule(path, handled)),
    ];
  }

  /**
   * Returns the command that runs a program restricted by rules.
   *
   * @param dataBytes bytes that it may map for writing (RLIMIT_DATA); 0 sets no limit
   */
  command(
    program: string,
    args: readonly string[],
    rules: readonly string[],
    dataBytes = 0,
  ): [program: string, ...args: string[]] {
    const [first = "", ...rest] = this.#launcher;
    return [first, ...rest, String(dataBytes), ...rules, "--", program, ...args];
  }
}

const handledBy = (version: number) => HANDLED[Math.min(version, HANDLED.length - 1)] as number;

function rule(path: string, rights: number): readonly string[] {
  try {
    const fileRights = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL;
    return [String(statSync(path).isDirectory() ? rights : rights & fileRights), path];
  } catch {
    return [];
  }
}

/** Returns `struct landlock_ruleset_attr` in hexadecimal: 8 bytes each for rights on files, rights on TCP, and scopes. Older kernels know only the first. */
function ruleset(version: number): string {
  const attr = Buffer.alloc(24);
  attr.writeBigUInt64LE(BigInt(handledBy(version)));
  attr.writeBigUInt64LE(BigInt(SCOPED), 16);
  return attr.subarray(0, version >= 6 ? 24 : 8).toString("hex");
}

/** Returns the standard output of a program; undefined if it cannot be started or fails. */
function run(program: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: "utf8", timeout: 10_000, stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined;
  }
}
