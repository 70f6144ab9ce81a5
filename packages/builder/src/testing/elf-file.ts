/** For tests: a small ELF file with the headers of a program or a library. */

export interface ElfFile {
  /** @defaultValue 62, x86-64 */
  readonly machine?: number;
  /** @defaultValue 3, a library */
  readonly type?: number;
  /** @defaultValue 2, 64 bits */
  readonly class?: number;
  /** @defaultValue 0, System V */
  readonly abi?: number;
  /** Path of the loader. */
  readonly interpreter?: string;
  /** Names of libraries. */
  readonly needed?: readonly string[];
}

const SEGMENTS = 3;
/** Difference between addresses and offsets, so that they cannot be confused. */
const BASE = 0x400000;

/** Makes a file in the format of elf(5). */
export function elfFile(options: ElfFile = {}): Buffer {
  const { machine = 62, type = 3, class: bits = 2, abi = 0, interpreter, needed = [] } = options;
  const strings = Buffer.from(`\0${needed.map((name) => `${name}\0`).join("")}`);
  const loader = Buffer.from(interpreter === undefined ? "" : `${interpreter}\0`);
  let at = 1;
  const tags = needed.map((name): [number, number] => {
    const entry: [number, number] = [1, at];
    at += name.length + 1;
    return entry;
  });
  const dynamicAt = 64 + 56 * SEGMENTS;
  const dynamicSize = 16 * (tags.length + 2);
  const stringsAt = dynamicAt + dynamicSize;
  const loaderAt = stringsAt + strings.length;
  const end = loaderAt + loader.length;

  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, bits, 1, 1, abi]);
  header.writeUInt16LE(type, 16);
  header.writeUInt16LE(machine, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(SEGMENTS, 56);
  const dynamic = Buffer.concat(
    [[5, BASE + stringsAt] as const, ...tags, [0, 0] as const].map(([tag, value]) => numbers(tag, value)),
  );
  const segments = Buffer.concat([
    segment(1, 0, end),
    segment(needed.length === 0 ? 0 : 2, dynamicAt, dynamicSize),
    segment(interpreter === undefined ? 0 : 3, loaderAt, loader.length),
  ]);
  return Buffer.concat([header, segments, dynamic, strings, loader]);
}

function segment(type: number, offset: number, size: number): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(8), numbers(offset, BASE + offset, BASE + offset, size, size, 8)]);
  bytes.writeUInt32LE(type, 0);
  return bytes;
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  values.forEach((value, index) => {
    bytes.writeBigUInt64LE(BigInt(value), 8 * index);
  });
  return bytes;
}
