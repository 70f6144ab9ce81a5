import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Header, pack } from "tar-stream";

/** A layer of an image, in a file. */
export interface Layer {
  readonly file: string;
  /** `sha256:…` of the tar. */
  readonly diffId: string;
  /** Number of files, links and folders in it. */
  readonly entries: number;
}

/**
 * Converts a tar from the engine into a layer that depends on its content alone: no times, one owner, writable by the owner only. The engine
 * already lists folders in the order of their names.
 */
export async function writeLayer(tar: Readable, file: string, signal?: AbortSignal): Promise<Layer> {
  const source = extract();
  const target = pack();
  const hash = createHash("sha256");
  target.on("data", (piece) => hash.update(piece as Buffer));
  let entries = 0;
  source.on("entry", (header, stream, next) => {
    if (/^(?:app\/)?$/.test(header.name)) {
      stream.once("end", next).resume();
      return;
    }
    entries++;
    const entry = target.entry(normalizeHeader(header), next);
    stream.pipe(entry);
  });
  source.once("finish", () => target.finalize());
  const options = signal === undefined ? {} : { signal };
  await Promise.all([pipeline(tar, source, options), pipeline(target, createWriteStream(file), options)]);
  return { file, diffId: `sha256:${hash.digest("hex")}`, entries };
}

/** Returns a header without times, with one owner, and writable by the owner only. */
export function normalizeHeader({
  name,
  type,
  linkname,
  size,
  mode = 0o644,
}: Partial<Header> & Pick<Header, "name">): Partial<Header> & Pick<Header, "name"> {
  const isExecutable = type === "directory" || (mode & 0o111) !== 0;
  return {
    name,
    ...(type == null ? {} : { type }),
    ...(linkname == null ? {} : { linkname }),
    ...(size === undefined ? {} : { size }),
    mode: isExecutable ? 0o755 : 0o644,
    mtime: new Date(0),
    uid: 0,
    gid: 0,
  };
}
