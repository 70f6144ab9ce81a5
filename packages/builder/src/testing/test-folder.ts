import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { extract, type Header } from "tar-stream";
import { type Bundle, build } from "../bundle/build.ts";
import type { BuildOptions } from "../bundle/prepare.ts";

/** For tests: source folders, and what is in the bundles that are made of them. */

export type Files = Readonly<Record<string, string>>;

/** An empty folder, removed after the test. */
export async function emptyFolder(t: Pick<TestContext, "after">): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "faas-builder-"));
  t.after(async () => {
    await chmod(folder, 0o700);
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
}

/** A folder with these files, removed after the test. */
export async function folderOf(t: Pick<TestContext, "after">, files: Files): Promise<string> {
  const folder = await emptyFolder(t);
  await writeFiles(folder, files);
  return folder;
}

export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** Builds, with the bundle removed after the test. */
export async function built(
  t: Pick<TestContext, "after">,
  folder: string,
  options: BuildOptions = {},
): Promise<Bundle> {
  const bundle = await build(folder, options);
  t.after(() => bundle[Symbol.asyncDispose]());
  return bundle;
}

export interface Packed extends Header {
  readonly text: string;
}

/** Name to header and text. */
export async function contentOf(bundle: Bundle): Promise<ReadonlyMap<string, Packed>> {
  const content = new Map<string, Packed>();
  for await (const entry of bundle.open().pipe(extract()))
    content.set(entry.header.name, { ...entry.header, text: (await buffer(entry)).toString() });
  return content;
}
