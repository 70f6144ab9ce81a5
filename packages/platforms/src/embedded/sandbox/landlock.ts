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

/** Numbers of system calls that differ by architecture; those of Landlock do not. */
interface SystemCalls {
  readonly prctl: number;
  readonly capset: number;
  readonly prlimit: number;
  readonly unshare: number;
  readonly mount: number;
}
const SYSCALLS: Partial<Record<NodeJS.Architecture, SystemCalls>> = {
  x64: { prctl: 157, capset: 126, prlimit: 302, unshare: 272, mount: 165 },
  arm64: { prctl: 167, capset: 91, prlimit: 261, unshare: 97, mount: 40 },
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

/** A folder or file, and the path at which a process sees it. */
export type Mount = readonly [access: "ro" | "rw", source: string, target: string];

export interface LaunchOptions {
  /**
   * Bytes that the process may map for writing (RLIMIT_DATA); 0 sets no limit.
   *
   * @defaultValue 0
   */
  readonly dataBytes?: number;
  /** Mounts that only the process and its children see. */
  readonly mounts?: readonly Mount[];
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
  /** True if a process can have mounts of its own, which needs root or user namespaces. */
  readonly hasMounts: boolean;
  readonly #launcher: readonly string[];

  private constructor(version: number, hasMounts: boolean, launcher: readonly string[]) {
    this.version = version;
    this.hasMounts = hasMounts;
    this.#launcher = launcher;
  }

  /** Results of tests by the PATH on which they looked for programs: what the kernel can do does not change while this process runs. */
  static readonly #found = new Map<string, Landlock | string>();

  /** Tests Landlock on this machine, once per PATH, because it starts processes. Returns the reason as text if it is unavailable. */
  static find(): Landlock | string {
    const { PATH: path = "" } = process.env;
    const known = Landlock.#found.get(path);
    if (known !== undefined) return known;
    const found = Landlock.#test();
    Landlock.#found.set(path, found);
    return found;
  }

  static #test(): Landlock | string {
    if (process.platform !== "linux") return "Landlock needs Linux";
    const syscalls = SYSCALLS[process.arch];
    if (syscalls === undefined) return `faas does not support Landlock on ${process.arch}`;
    let hasLauncher = false;
    for (const [program, ...args] of LAUNCHERS) {
      const version = run(program, [...args, "version"]);
      if (version === undefined) continue;
      hasLauncher = true;
      if (!(Number(version) > 0)) break;
      const { prctl, capset, prlimit, unshare, mount } = syscalls;
      // Root's capabilities would be ways around the restrictions.
      const dropped = process.getuid?.() === 0 ? capset : 0;
      const numbers = [prctl, dropped, prlimit, unshare, mount].map(String);
      const launcher = [program, ...args, ruleset(Number(version)), ...numbers];
      const works = (landlock: Landlock, mounts: readonly Mount[]) => {
        const [first, ...rest] = landlock.command("true", [], landlock.rules({ read: ["/"], write: [] }), { mounts });
        return run(first, rest) !== undefined;
      };
      for (const hasMounts of [true, false]) {
        const found = new Landlock(Number(version), hasMounts, launcher);
        if (works(found, hasMounts ? [["ro", "/usr", "/tmp"]] : [])) return found;
      }
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

  /** Returns the command that runs a program restricted by rules. */
  command(
    program: string,
    args: readonly string[],
    rules: readonly string[],
    { dataBytes = 0, mounts = [] }: LaunchOptions = {},
  ): [program: string, ...args: string[]] {
    const [first = "", ...rest] = this.#launcher;
    return [first, ...rest, String(dataBytes), ...mounts.flat(), "-", ...rules, "--", program, ...args];
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
