import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after } from "node:test";
import { tempDir } from "@faas/testing";
import { extract, type Header } from "tar-stream";
import { type Bundle, build } from "../bundle/build.ts";
import type { BuildOptions } from "../bundle/prepare.ts";

/** For tests: source folders, and the content of bundles built from them. */

/** Text by file name. */
export type Files = Readonly<Record<string, string>>;

/** Makes a folder with these files that is removed after the test. */
export async function sourceFolder(files: Files): Promise<string> {
  const folder = tempDir("source");
  await writeFiles(folder, files);
  return folder;
}

export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** Builds a bundle that is removed after the test. */
export async function builtBundle(folder: string, options: BuildOptions = {}): Promise<Bundle> {
  const bundle = await build(folder, options);
  after(() => bundle[Symbol.asyncDispose]());
  return bundle;
}

export interface BundledFile extends Header {
  readonly text: string;
}

/** Reads header and text of each file in a bundle, by name. */
export async function bundleContent(bundle: Bundle): Promise<ReadonlyMap<string, BundledFile>> {
  const content = new Map<string, BundledFile>();
  for await (const entry of bundle.open().pipe(extract()))
    content.set(entry.header.name, { ...entry.header, text: (await buffer(entry)).toString() });
  return content;
}
