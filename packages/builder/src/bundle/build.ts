import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type DetectedSettings, settingsOf } from "../detection/detected-app.ts";
import { byName } from "../source/source.ts";
import { folderItems, packTo, sourceItems, type TarItem } from "./pack.ts";
import { type BuildOptions, type PreparedSource, prepare } from "./prepare.ts";

/** A packed bundle in a temporary file. Disposing of it removes the file. */
export interface Bundle extends AsyncDisposable, DetectedSettings {
  /** `sha256:…` of the tar; equal content has an equal digest on any machine. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Description for people, such as "Express app, server.js". */
  readonly description: string;
  /** Files that were left out although the function may need them. */
  readonly warnings: readonly string[];
  /** Opens the tar for reading. */
  open(): Readable;
}

/**
 * Builds a bundle from a source folder: detects the runtime, installs, compiles, adds the wrapper and packs.
 *
 * @throws the codes of docs/errors.md, "The command line"
 */
export async function build(dir: string, options: BuildOptions = {}): Promise<Bundle> {
  const prepared = await prepare(dir, options);
  options.onStage?.("pack");
  const folder = await mkdtemp(join(tmpdir(), "faas-build-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, `${randomBytes(4).toString("hex")}.tar`);
    const digest = await packTo(file, await bundleItems(prepared), options.signal);
    const { size } = await stat(file);
    const { description, warnings } = prepared;
    return {
      ...settingsOf(prepared),
      digest,
      sizeBytes: size,
      description,
      warnings,
      open: () => createReadStream(file),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Lists the content of a bundle, in an order that does not depend on the machine. */
async function bundleItems(prepared: PreparedSource): Promise<TarItem[]> {
  const { dependencies } = prepared;
  const all = sourceItems(prepared);
  if (dependencies) all.push(...(await folderItems(dependencies.path, dependencies.name)));
  return all.sort(byName);
}
