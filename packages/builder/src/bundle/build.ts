import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Runtime } from "@faas/core";
import { byName } from "../source/source.ts";
import { folderItems, type Item, packTo, sourceItems } from "./pack.ts";
import { type BuildOptions, type Prepared, prepare } from "./prepare.ts";

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
    const digest = await packTo(file, await items(prepared), options.signal);
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

/** All of a bundle, in an order that is the same everywhere. */
async function items(prepared: Prepared): Promise<Item[]> {
  const { dependencies } = prepared;
  const all = sourceItems(prepared);
  if (dependencies) all.push(...(await folderItems(dependencies.path, dependencies.name)));
  return all.sort(byName);
}
