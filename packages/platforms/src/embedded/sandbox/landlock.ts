import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";

/** Landlock, by which a process gives up what it may do with files, for itself and all that it starts: landlock(7). */

/** Rights of a hierarchy of files (linux/landlock.h). */
const EXECUTE = 1;
const WRITE_FILE = 2;
const READ_FILE = 4;
const READ_DIR = 8;
const TRUNCATE = 0x4000;
const IOCTL = 0x8000;
/** By version: 1 has all up to making symbolic links; 2 adds renaming across folders, 3 truncating, 5 ioctl of devices. */
const HANDLED: readonly number[] = [0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff];
/** From version 6 on: signals and connections to abstract sockets stay among those that are restricted together. */
const SCOPED = 3;

/** prctl(2), capset(2) and prlimit(2): their numbers differ by machine, those of Landlock do not. */
const SYSCALLS: Partial<Record<NodeJS.Architecture, readonly [prctl: number, capset: number, prlimit: number]>> = {
  x64: [157, 126, 302],
  arm64: [167, 91, 261],
};

const NO_LANDLOCK = "this kernel has no Landlock, or it is not allowed here";
const programs = join(import.meta.dirname, "../../../programs");
const LAUNCHERS = [
  ["perl", join(programs, "launcher.pl")],
  ["python3", "-ISs", join(programs, "launcher.py")],
] as const;

/** What a process may reach, by path; what is not there is passed over. */
export interface AllowedPaths {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** Starts programs restricted by Landlock. */
export class Landlock {
  readonly version: number;
  readonly #launcher: readonly string[];

  private constructor(version: number, launcher: readonly string[]) {
    this.version = version;
    this.#launcher = launcher;
  }

  /** Tries it on this machine, which takes some milliseconds. A text says why it cannot be had. */
  static find(): Landlock | string {
    if (process.platform !== "linux") return "Landlock is Linux's";
    const numbers = SYSCALLS[process.arch];
    if (numbers === undefined) return `Landlock is not known to faas on ${process.arch}`;
    let isLauncher = false;
    for (const [program, ...args] of LAUNCHERS) {
      const version = run(program, [...args, "version"]);
      if (version === undefined) continue;
      isLauncher = true;
      if (!(Number(version) > 0)) break;
      const [prctl, capset, prlimit] = numbers;
      // What root may do beyond files would be ways around.
      const dropped = process.getuid?.() === 0 ? capset : 0;
      const calls = [prctl, dropped, prlimit].map(String);
      const launcher = [program, ...args, ruleset(Number(version)), ...calls];
      const found = new Landlock(Number(version), launcher);
      const [first, ...rest] = found.command("true", [], found.rules({ read: ["/"], write: [] }));
      if (run(first, rest) !== undefined) return found;
    }
    return isLauncher ? NO_LANDLOCK : "it takes Perl or Python to isolate processes, and neither is here";
  }

  /** Of what it can do: signals as well. */
  get stopsSignals(): boolean {
    return this.version >= 6;
  }

  /** Rules for `command`, to be made once where they are the same for many. */
  rules({ read, write }: AllowedPaths): readonly string[] {
    const handled = handledBy(this.version);
    return [
      ...read.flatMap((path) => rule(path, EXECUTE | READ_FILE | READ_DIR)),
      ...write.flatMap((path) => rule(path, handled)),
    ];
  }

  /** The program and its arguments, to be run restricted by these rules. `dataBytes`: how much it may map for writing; 0: the launcher sets no bound. */
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
    const ofFiles = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL;
    return [String(statSync(path).isDirectory() ? rights : rights & ofFiles), path];
  } catch {
    return [];
  }
}

/** `struct landlock_ruleset_attr` in hexadecimal: rights on files, on TCP, and scopes, 8 bytes each; an older kernel knows the first alone. */
function ruleset(version: number): string {
  const attr = Buffer.alloc(24);
  attr.writeBigUInt64LE(BigInt(handledBy(version)));
  attr.writeBigUInt64LE(BigInt(SCOPED), 16);
  return attr.subarray(0, version >= 6 ? 24 : 8).toString("hex");
}

/** What it prints; undefined when it cannot be run or fails. */
function run(program: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: "utf8", timeout: 10_000, stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined;
  }
}
