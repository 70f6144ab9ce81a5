import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Runtime } from "@faas/core";
import { type Pack, pack } from "tar-stream";
import { type BuildOptions, type Prepared, prepare } from "./prepare.ts";
import { byName } from "./source.ts";

/** A packed bundle in a temporary file, which is removed when it is disposed of. */
export interface Bundle extends AsyncDisposable {
  /** `sha256:…` of the tar: the same for the same content on any machine. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly runtime: Runtime;
  readonly handler?: string;
  /** What was left out and may be missed. */
  readonly warnings: readonly string[];
  /** The tar. */
  open(): Readable;
}

/** Source folder to bundle: finds the runtime, installs, compiles, adds the wrapper, packs. Throws FaasErrors of docs/errors.md, "The command line". */
export async function build(dir: string, options: BuildOptions = {}): Promise<Bundle> {
  const prepared = await prepare(dir, options);
  options.onStage?.("pack");
  const folder = await mkdtemp(join(tmpdir(), "faas-build-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, `${randomBytes(4).toString("hex")}.tar`);
    const digest = await packTo(file, prepared, options.signal);
    const { size } = await stat(file);
    const { runtime, handler, warnings } = prepared;
    return {
      digest,
      sizeBytes: size,
      runtime,
      ...(handler === undefined ? {} : { handler }),
      warnings,
      open: () => createReadStream(file),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function packTo(file: string, prepared: Prepared, signal: AbortSignal | undefined): Promise<string> {
  const tar = pack();
  const hash = createHash("sha256");
  const out = createWriteStream(file);
  tar.on("data", (piece) => hash.update(piece as Buffer));
  tar.pipe(out);
  const written = finished(out);
  try {
    for (const item of await items(prepared)) {
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

interface Item {
  readonly name: string;
  readonly executable?: boolean;
  /** Where it lies, or what it holds, or where it leads. */
  readonly path?: string;
  readonly text?: string;
  readonly link?: string;
}

/** All of a bundle, in an order that is the same everywhere. */
async function items({ entries, compiled, dependencies }: Prepared): Promise<Item[]> {
  const all: Item[] = compiled.map(({ name, text }) => ({ name, text }));
  for (const entry of entries) {
    if (entry.kind === "file") all.push({ name: entry.name, path: entry.path, executable: entry.executable });
    else all.push({ name: entry.name, link: entry.target });
  }
  if (dependencies) await addFolder(dependencies.path, dependencies.name, all);
  return all.sort(byName);
}

async function addFolder(path: string, name: string, all: Item[]): Promise<void> {
  for (const child of await readdir(path, { withFileTypes: true })) {
    const childPath = join(path, child.name);
    const childName = `${name}/${child.name}`;
    // Its only use is to npm, and it says when and where it was installed.
    if (childName === "node_modules/.package-lock.json" || child.name === "__pycache__") continue;
    if (child.isDirectory()) await addFolder(childPath, childName, all);
    else if (child.isSymbolicLink()) all.push({ name: childName, link: await readlink(childPath) });
    else all.push({ name: childName, path: childPath, executable: ((await lstat(childPath)).mode & 0o100) !== 0 });
  }
}

/** Neither time nor owner nor the machine's umask: what differs between machines is left out. */
async function addItem(tar: Pack, { name, path, text, link, executable }: Item): Promise<void> {
  const header = { name, mtime: new Date(0), uid: 0, gid: 0, mode: executable ? 0o755 : 0o644 };
  if (link !== undefined) {
    tar.entry({ ...header, type: "symlink", linkname: link });
    return;
  }
  const content = text === undefined ? await readFile(path as string) : Buffer.from(text);
  await new Promise<void>((resolve, reject) => {
    tar.entry({ ...header, size: content.length }, content, (error) => (error ? reject(error) : resolve()));
  });
}
