import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { packTo, type TarItem } from "../../bundle/pack.ts";

/** Code of a function for warm pods: what its image adds to the environment. */
export interface CodeBundle {
  /** `sha256:…` of the tar. */
  readonly digest: string;
  readonly tar: Buffer;
}

/** Limits of the code that a warm pod is given: it waits for all of it before it can load any. */
const MAX_BYTES = 4 * 2 ** 20;
const MAX_FILES = 2_000;

/** Packs code for warm pods; returns undefined if it is too large for them. `sizeBytes` is about the size of its tar, `folder` for a temporary file. */
export async function packCode(
  items: readonly TarItem[],
  sizeBytes: number,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<CodeBundle | undefined> {
  if (items.length > MAX_FILES || sizeBytes > MAX_BYTES) return undefined;
  const file = join(folder, "warm-code.tar");
  const digest = await packTo(file, items, signal);
  const { size } = await stat(file);
  return size > MAX_BYTES ? undefined : { digest, tar: await readFile(file) };
}
