import { closeSync, openSync, readSync } from "node:fs";
import { FaasError } from "@faas/core";
import type { Source, SourceEntry } from "../source/source.ts";

type SourceFile = SourceEntry & { readonly kind: "file" };

/** Format of a program, by its first bytes. */
export interface ProgramFormat {
  readonly kind: "elf" | "mach-o" | "pe";
  /** Processor as Node names it; undefined for another one. */
  readonly arch?: "x64" | "arm64" | undefined;
}

/** ELF's `e_machine` (System V ABI, "ELF Header"). */
const MACHINES: Readonly<Record<number, "x64" | "arm64">> = { 62: "x64", 183: "arm64" };
const MACH_O = new Set([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe]);
/** A relocatable file and a core dump are not programs. */
const PROGRAM_TYPES = [2, 3];

/** Reads the format of a program; undefined for any other file. */
export function programFormat(head: Buffer): ProgramFormat | undefined {
  if (head.length < 20) return undefined;
  if (head.readUInt32BE(0) === 0x7f454c46) {
    const isLittle = head[5] === 1;
    const type = isLittle ? head.readUInt16LE(16) : head.readUInt16BE(16);
    const machine = isLittle ? head.readUInt16LE(18) : head.readUInt16BE(18);
    return PROGRAM_TYPES.includes(type) ? { kind: "elf", arch: isLittle ? MACHINES[machine] : undefined } : undefined;
  }
  // Java's class files begin like a universal Mach-O file, with a version of at least 45 instead of the count of processors.
  if (MACH_O.has(head.readUInt32BE(0)))
    return head.readUInt32BE(0) === 0xcafebabe && head.readUInt32BE(4) >= 45 ? undefined : { kind: "mach-o" };
  return head.toString("latin1", 0, 2) === "MZ" ? { kind: "pe" } : undefined;
}

function formatOfFile(path: string): ProgramFormat | undefined {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(64);
    return programFormat(head.subarray(0, readSync(file, head, 0, head.length, 0)));
  } finally {
    closeSync(file);
  }
}

/** Returns the path in the folder of the program that a command starts; undefined if it is not one of the folder's programs. */
export function binaryName(program: string, source: Source): string | undefined {
  const name = program.replace(/^\.\//, "");
  const file = source.entries.find((entry): entry is SourceFile => entry.kind === "file" && entry.name === name);
  return file && formatOfFile(file.path) ? name : undefined;
}

/** Lists the programs at the top of a folder and in `bin`. */
export function programsIn(source: Source): readonly string[] {
  return source.entries
    .filter((entry): entry is SourceFile => entry.kind === "file" && /^(?:bin\/)?[^/]+$/.test(entry.name))
    .filter(({ name, path }) => !/\.(?:so|dll|dylib|node|o|a)(?:\.|$)/.test(name) && formatOfFile(path))
    .map(({ name }) => name);
}

/**
 * Checks that Linux on this machine's kind of processor can start a program.
 *
 * @throws RUNTIME_UNKNOWN
 */
export function checkProgram(name: string, source: Source): void {
  const file = source.entries.find((entry): entry is SourceFile => entry.kind === "file" && entry.name === name);
  const format = file && formatOfFile(file.path);
  if (!file || !format) return;
  const advice =
    "Build it for Linux, for example with GOOS=linux go build, or cargo build --target x86_64-unknown-linux-musl";
  if (format.kind !== "elf")
    throw new FaasError(
      "RUNTIME_UNKNOWN",
      `${name} is a program for ${format.kind === "pe" ? "Windows" : "macOS"}, but functions run on Linux. ${advice}`,
    );
  const expected = process.platform === "linux" ? [process.arch] : ["x64", "arm64"];
  if (format.arch === undefined || !expected.includes(format.arch))
    throw new FaasError(
      "RUNTIME_UNKNOWN",
      `${name} is built for ${format.arch ?? "an unknown processor"}, but functions run on ${expected.join(" or ")}. Build it for that, for example with GOARCH=${expected[0] === "x64" ? "amd64" : "arm64"}`,
    );
  if (!file.executable)
    throw new FaasError("RUNTIME_UNKNOWN", `${name} is not executable: run chmod +x ${name}, then deploy again`);
}
