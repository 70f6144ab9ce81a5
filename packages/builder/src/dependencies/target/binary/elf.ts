import { type FileHandle, open } from "node:fs/promises";
import type { TargetPlatform } from "../platform.ts";

/** Header of a program or a library. */
export interface Binary {
  readonly format: "elf" | "mach-o" | "pe";
  /** CPU, by the name that images use; undefined for one that images of faas are not for. */
  readonly arch?: TargetPlatform["arch"] | undefined;
  /** C library that it is linked to; undefined for a static program, or a library that needs none. */
  readonly libc?: TargetPlatform["libc"] | "bionic" | undefined;
}

/** Sizes and offsets of elf(5), for 64 bits: other binaries fit no platform of faas. */
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const DYNAMIC_ENTRY_BYTES = 16;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const TYPE_RELOCATABLE = 1;
const MACHINES: Readonly<Record<number, TargetPlatform["arch"]>> = { 62: "amd64", 183: "arm64" };
/** UNIX System V, and GNU/Linux: what Linux runs. */
const LINUX_ABIS = [0, 3];
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

/** Limits for damaged files. */
const MAX_PROGRAM_HEADERS = 256;
const MAX_DYNAMIC_ENTRIES = 4096;
const MAX_NEEDED = 256;
const MAX_NAME_BYTES = 256;

const MACH_O = [0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe];

/** Reads the header of a binary; undefined for another file, and for an object file, which nothing loads. A few kilobytes are read, whatever its size. */
export async function readBinary(path: string): Promise<Binary | undefined> {
  const file = await open(path, "r");
  try {
    const header = await readAt(file, 0, HEADER_BYTES);
    if (header.length >= 4 && header.readUInt32BE(0) === 0x7f454c46) return await readElf(file, header);
    if (header.length >= 4 && MACH_O.includes(header.readUInt32BE(0))) return { format: "mach-o" };
    // A Java class has the number of universal Mach-O files.
    if (header.length >= 8 && header.readUInt32BE(0) === 0xcafebabe && header.readUInt32BE(4) < 20)
      return { format: "mach-o" };
    return header.length >= 2 && header.toString("latin1", 0, 2) === "MZ" ? { format: "pe" } : undefined;
  } finally {
    await file.close();
  }
}

/** Returns true if a platform can load a binary. A binary without a C library fits either. */
export const fitsPlatform = ({ format, arch, libc }: Binary, platform: TargetPlatform): boolean =>
  format === "elf" && arch === platform.arch && (libc === undefined || libc === platform.libc);

async function readElf(file: FileHandle, header: Buffer): Promise<Binary | undefined> {
  const isKnown = header.length === HEADER_BYTES && header[4] === CLASS_64 && header[5] === LITTLE_ENDIAN;
  if (!isKnown) return { format: "elf" };
  if (header.readUInt16LE(16) === TYPE_RELOCATABLE) return undefined;
  if (!LINUX_ABIS.includes(header[7] ?? -1)) return { format: "elf" };
  return { format: "elf", arch: MACHINES[header.readUInt16LE(18)], libc: await readLibc(file, header) };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

async function readLibc(file: FileHandle, header: Buffer): Promise<Binary["libc"]> {
  const count = Math.min(header.readUInt16LE(56), MAX_PROGRAM_HEADERS);
  const table = await readAt(file, toOffset(header.readBigUInt64LE(32)), count * PROGRAM_HEADER_BYTES);
  const segments = recordsOf(table, PROGRAM_HEADER_BYTES).map((each) => ({
    type: each.readUInt32LE(0),
    offset: toOffset(each.readBigUInt64LE(8)),
    address: toOffset(each.readBigUInt64LE(16)),
    size: toOffset(each.readBigUInt64LE(32)),
  }));
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  const names = await readNeeded(file, segments);
  if (interpreter)
    names.push(textOf(await readAt(file, interpreter.offset, Math.min(interpreter.size, MAX_NAME_BYTES))));
  return libcOf(names);
}

/** Reads the names of the libraries that a binary needs. */
async function readNeeded(file: FileHandle, segments: readonly Segment[]): Promise<string[]> {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!dynamic) return [];
  const size = Math.min(dynamic.size, MAX_DYNAMIC_ENTRIES * DYNAMIC_ENTRY_BYTES);
  const entries = recordsOf(await readAt(file, dynamic.offset, size), DYNAMIC_ENTRY_BYTES).map((each) => ({
    tag: toOffset(each.readBigUInt64LE(0)),
    value: toOffset(each.readBigUInt64LE(8)),
  }));
  const end = entries.findIndex(({ tag }) => tag === 0);
  const used = end < 0 ? entries : entries.slice(0, end);
  const address = used.find(({ tag }) => tag === DT_STRTAB)?.value;
  if (address === undefined) return [];
  const strings = offsetOf(address, segments);
  const names: string[] = [];
  for (const { value } of used.filter(({ tag }) => tag === DT_NEEDED).slice(0, MAX_NEEDED))
    names.push(textOf(await readAt(file, strings + value, MAX_NAME_BYTES)));
  return names;
}

/** Returns the place in the file of an address in memory. */
function offsetOf(address: number, segments: readonly Segment[]): number {
  const segment = segments.find(
    (each) => each.type === PT_LOAD && address >= each.address && address < each.address + each.size,
  );
  return segment === undefined ? address : address - segment.address + segment.offset;
}

/** Returns the C library that names of libraries and of the loader belong to. */
export function libcOf(names: readonly string[]): Binary["libc"] {
  const files = names.map((name) => name.replace(/.*\//, ""));
  if (files.some((name) => /^(?:ld-musl-|libc\.musl-)/.test(name))) return "musl";
  if (
    files.some((name) =>
      /^(?:libc\.so\.6|libm\.so\.6|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|ld-linux.*\.so\.\d)$/.test(name),
    )
  )
    return "glibc";
  if (!files.includes("libc.so")) return undefined;
  // Android has its libraries under the names that only some compilers use for musl, which is a single library.
  return files.some((name) => /^(?:linker64|libdl\.so|libm\.so|liblog\.so)$/.test(name)) ? "bionic" : "musl";
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** Splits a table into its complete records. */
const recordsOf = (table: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.floor(table.length / size) }, (_, index) =>
    table.subarray(index * size, (index + 1) * size),
  );

/** Returns a number that is a place in a file; one beyond any file for a larger one. */
const toOffset = (value: bigint): number => (value > BigInt(2 ** 48) ? 2 ** 48 : Number(value));

const textOf = (bytes: Buffer): string => {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
};
