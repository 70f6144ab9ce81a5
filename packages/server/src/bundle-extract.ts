import { createWriteStream } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join, normalize, relative } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FaasError } from "@faas/core";
import { extract } from "tar-stream";

/**
 * Unpacks a bundle into an empty folder. Takes files, folders and symbolic links that stay inside; refuses everything else with
 * BUNDLE_INVALID, which names the entry.
 */
export async function extractBundle(tar: Readable, folder: string): Promise<void> {
  const unpack = extract();
  const seen = new Set<string>();
  const feeding = pipeline(tar, unpack);
  // Its error comes out of the loop below too.
  feeding.catch(() => {});
  for await (const entry of unpack) {
    const { name, type, linkname, mode } = entry.header;
    const inside = checkName(name);
    if (seen.has(inside)) throw invalid(name, "it is there twice");
    if ([...parents(inside)].some((parent) => seen.has(`link:${parent}`)))
      throw invalid(name, "it lies behind a symbolic link");
    seen.add(inside);
    const target = join(folder, inside);
    if (type === "directory") {
      await mkdir(target, { recursive: true });
    } else if (type === "file") {
      await mkdir(dirname(target), { recursive: true });
      await pipeline(entry, createWriteStream(target, { flags: "wx", mode: (mode ?? 0) & 0o111 ? 0o755 : 0o644 }));
      continue;
    } else if (type === "symlink") {
      const to = relative(folder, join(dirname(target), linkname ?? ""));
      if (!linkname || linkname.startsWith("/") || to.startsWith(".."))
        throw invalid(name, `it is a link to "${linkname}", which is outside`);
      seen.add(`link:${inside}`);
      await mkdir(dirname(target), { recursive: true });
      await symlink(linkname, target);
    } else {
      throw invalid(name, `it is a ${type}`);
    }
    entry.resume();
  }
  await feeding;
}

function checkName(name: string): string {
  const clean = normalize(name).replace(/\/$/, "");
  if (name.startsWith("/") || name.includes("\0")) throw invalid(name, "its name is absolute");
  if (clean === ".." || clean.startsWith("../") || name.split("/").includes(".."))
    throw invalid(name, "its name leads out of the bundle");
  return clean;
}

function* parents(name: string): Iterable<string> {
  for (let parent = dirname(name); parent !== "."; parent = dirname(parent)) yield parent;
}

function invalid(name: string, why: string): FaasError {
  return new FaasError("BUNDLE_INVALID", `The bundle's entry "${name.slice(0, 200)}" cannot be taken: ${why}`);
}
