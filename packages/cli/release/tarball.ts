import { createWriteStream } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";

/** Modification time of all files, as npm has it: equal files make an equal tarball. */
const MODIFIED_AT = new Date("1985-10-26T08:15:00Z");

/**
 * Packs a folder as `package/…` into a gzipped tarball, as npm does, but with all of its files.
 *
 * @param level effort of the compression, from 1 to 9
 */
export async function writeTarball(folder: string, file: string, level = 9): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, createGzip({ level }), createWriteStream(file));
  const add = async () => {
    for (const path of await filesIn(folder)) {
      const isProgram = ((await lstat(path)).mode & 0o100) !== 0;
      const header = { name: `package/${relative(folder, path)}`, mode: isProgram ? 0o755 : 0o644, mtime: MODIFIED_AT };
      await new Promise<void>((done, fail) => {
        readFile(path).then(
          (content) => archive.entry(header, content, (error) => (error ? fail(error) : done())),
          fail,
        );
      });
    }
    archive.finalize();
  };
  await Promise.all([written, add().catch((error) => archive.destroy(error))]);
}

/** Lists all files below a folder, sorted. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : [])).sort();
}
