import { constants } from "node:fs";
import { lstat } from "node:fs/promises";
import { extname } from "node:path";
import type { TargetPlatform } from "../platform.ts";
import { type Binary, fitsPlatform, readBinary } from "./elf.ts";

/** Endings of files that are never programs, to open fewer of the many. */
const TEXT =
  /^\.(?:c?js|mjs|[cm]?tsx?|jsx|map|json|md|markdown|txt|ya?ml|css|html?|svg|flow|coffee|py|pyi|pyc|h|hpp|c|cc|cpp|gypi?|rst|toml|cfg|png|gz)$/i;
const LIBRARY = /\.(?:node|so|dylib|dll)$|\.so\.[\d.]+$/i;

/** Binaries of a package. */
export interface FoundBinary extends Binary {
  readonly path: string;
}

/** Reads the header of a file if it is a library or executable. */
export async function findBinary(path: string): Promise<FoundBinary | undefined> {
  if (!LIBRARY.test(path)) {
    if (TEXT.test(extname(path))) return undefined;
    const { mode } = await lstat(path);
    if ((mode & (constants.S_IXUSR | constants.S_IXGRP | constants.S_IXOTH)) === 0) return undefined;
  }
  const binary = await readBinary(path);
  return binary && { ...binary, path };
}

/** How the binaries of a package relate to a platform. */
export type Fit = "fits" | "none" | "others";

/**
 * Tells how binaries relate to a platform: `"others"` if all of them are for other platforms. Programs for other systems alone do not count: a package
 * without a program for Linux usually uses one that Linux has.
 */
export function fitOf(binaries: readonly Binary[], platform: TargetPlatform): Fit {
  if (binaries.some((each) => fitsPlatform(each, platform))) return "fits";
  return binaries.some(isLinuxOrAddon) ? "others" : "none";
}

const isLinuxOrAddon = (binary: Binary & { readonly path?: string }): boolean =>
  binary.format === "elf" || binary.path?.endsWith(".node") === true;

/** Formats what the binaries of a package are for, such as `arm64 (musl)`. */
export function formatBinaries(binaries: readonly Binary[]): string {
  const formats = { elf: "another CPU", "mach-o": "macOS", pe: "Windows" } as const;
  const names = binaries.map(({ format, arch, libc }) =>
    format === "elf" && arch !== undefined ? `${arch}${libc === undefined ? "" : ` (${libc})`}` : formats[format],
  );
  return [...new Set(names)].sort().join(", ");
}
