import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { byName, readSourceFile } from "../source/source.ts";
import type { PreparedSource } from "./prepare.ts";

/** Entry of a tar: a file with a `path` on disk or a `text`, a symbolic link with its target, or a folder with none of these. */
export interface TarItem {
  /** Path in the tar, without a `/` at its end. */
  readonly name: string;
  readonly executable?: boolean;
  readonly path?: string;
  readonly text?: string | Uint8Array;
  readonly link?: string;
}

/** Lists the deployed files, without dependencies, in an order that does not depend on the machine. */
export function sourceItems({ entries, compiled }: Pick<PreparedSource, "entries" | "compiled">): TarItem[] {
  const all: TarItem[] = compiled.map(({ name, text }) => ({ name, text }));
  for (const entry of entries) {
    if (entry.kind === "file") all.push({ name: entry.name, path: entry.path, executable: entry.executable });
    else all.push({ name: entry.name, link: entry.target });
  }
  return all.sort(byName);
}

/** Lists the content of a folder, under `name`. */
export async function folderItems(path: string, name: string): Promise<TarItem[]> {
  const all: TarItem[] = [];
  for (const child of await readdir(path, { withFileTypes: true })) {
    const childPath = join(path, child.name);
    const childName = `${name}/${child.name}`;
    // Only npm uses this file, and it has the time and the folder of the installation.
    if (childName === "node_modules/.package-lock.json" || child.name === "__pycache__") continue;
    if (child.isDirectory()) all.push(...(await folderItems(childPath, childName)));
    else if (child.isSymbolicLink()) all.push({ name: childName, link: await readlink(childPath) });
    else all.push({ name: childName, path: childPath, executable: ((await lstat(childPath)).mode & 0o100) !== 0 });
  }
  return all;
}

/** Writes a tar of the items in their order and returns its `sha256:…`. */
export async function packTo(
  file: string,
  items: readonly TarItem[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const tar = pack();
  const hash = createHash("sha256");
  const out = createWriteStream(file);
  tar.on("data", (piece) => hash.update(piece as Buffer));
  tar.pipe(out);
  const written = finished(out);
  try {
    for (const item of items) {
      signal?.throwIfAborted();
      await addItem(tar, item);
    }
    tar.finalize();
  } catch (error) {
    tar.destroy();
    out.destroy();
    await written.catch(() => {});
    throw error;
  }
  await written;
  return `sha256:${hash.digest("hex")}`;
}

const bytesOf = (text: string | Uint8Array): Buffer =>
  typeof text === "string" ? Buffer.from(text) : Buffer.from(text.buffer, text.byteOffset, text.byteLength);

/** Adds an item without time, owner and umask, which differ between machines. */
async function addItem(tar: Pack, { name, path, text, link, executable }: TarItem): Promise<void> {
  const header = { name, mtime: new Date(0), uid: 0, gid: 0, mode: executable ? 0o755 : 0o644 };
  if (link !== undefined) {
    tar.entry({ ...header, type: "symlink", linkname: link });
    return;
  }
  if (text === undefined && path === undefined) {
    tar.entry({ ...header, type: "directory", mode: 0o755 });
    return;
  }
  const content = text === undefined ? await readSourceFile(path as string) : bytesOf(text);
  await new Promise<void>((resolve, reject) => {
    tar.entry({ ...header, size: content.length }, content, (error) => (error ? reject(error) : resolve()));
  });
}
