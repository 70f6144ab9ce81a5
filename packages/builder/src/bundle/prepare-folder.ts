import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Runtime } from "@faas/core";
import { isFolder } from "../dependencies/cache.ts";
import { readSourceFile } from "../source/source.ts";
import { type BuildOptions, type Prepared, prepare } from "./prepare.ts";

/** A prepared folder that runs as it is; removed when it is disposed of. */
export interface PreparedFolder extends AsyncDisposable {
  readonly folder: string;
  /** `sha256:…` of its content without dependencies: a key, not the digest of a tar. */
  readonly digest: string;
  readonly runtime: Runtime;
  readonly handler?: string;
  readonly warnings: readonly string[];
}

/** For `faas dev`: files copied to a temporary folder, dependencies linked, nothing packed. */
export async function prepareFolder(dir: string, options: BuildOptions = {}): Promise<PreparedFolder> {
  const prepared = await prepare(dir, options);
  const folder = await mkdtemp(join(tmpdir(), "faas-dev-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const digest = await fill(folder, prepared);
    const { runtime, handler, warnings } = prepared;
    return {
      folder,
      digest,
      runtime,
      ...(handler === undefined ? {} : { handler }),
      warnings,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function fill(folder: string, { folder: source, entries, compiled, dependencies }: Prepared): Promise<string> {
  const hash = createHash("sha256").update(dependencies?.path ?? "");
  for (const entry of entries) {
    const target = join(folder, entry.name);
    await mkdir(dirname(target), { recursive: true });
    if (entry.kind === "link") await symlink(entry.target, target);
    else {
      hash.update(`${entry.name}\0`).update(await readSourceFile(entry.path));
      await cp(entry.path, target);
    }
  }
  for (const { name, text } of compiled) {
    hash.update(`${name}\0${text}`);
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const own = join(source, "node_modules");
  if (dependencies) await symlink(dependencies.path, join(folder, dependencies.name));
  else if (await isFolder(own)) await symlink(own, join(folder, "node_modules"));
  return `sha256:${hash.digest("hex")}`;
}
