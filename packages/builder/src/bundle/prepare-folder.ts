import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type DetectedSettings, settingsOf } from "../detection/detected-app.ts";
import { readSourceFile } from "../source/source.ts";
import { type BuildOptions, type PreparedSource, prepare } from "./prepare.ts";

/** A prepared folder that can run directly. Disposing of it removes the folder. */
export interface PreparedFolder extends AsyncDisposable, DetectedSettings {
  readonly folder: string;
  /** `sha256:…` of its content without dependencies; identifies it, but is not the digest of a tar. */
  readonly digest: string;
  /** Description for people, such as "Express app, server.js". */
  readonly description: string;
  readonly warnings: readonly string[];
}

/** Prepares a folder for `faas dev`: copies files to a temporary folder and links dependencies, without packing. */
export async function prepareFolder(dir: string, options: BuildOptions = {}): Promise<PreparedFolder> {
  const prepared = await prepare(dir, { ...options, isCompressed: false });
  const folder = await mkdtemp(join(tmpdir(), "faas-dev-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const digest = await fillFolder(folder, prepared);
    const { description, warnings } = prepared;
    return {
      ...settingsOf(prepared),
      folder,
      digest,
      description,
      warnings,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function fillFolder(target: string, prepared: PreparedSource): Promise<string> {
  const { entries, compiled, dependencies } = prepared;
  const hash = createHash("sha256").update(dependencies?.path ?? "");
  for (const entry of entries) {
    const path = join(target, entry.name);
    await mkdir(dirname(path), { recursive: true });
    if (entry.kind === "link") await symlink(entry.target, path);
    else {
      hash.update(`${entry.name}\0`).update(await readSourceFile(entry.path));
      await cp(entry.path, path);
    }
  }
  for (const { name, text } of compiled) {
    hash.update(`${name}\0`).update(text);
    await mkdir(dirname(join(target, name)), { recursive: true });
    await writeFile(join(target, name), text);
  }
  // Not the folder's own node_modules: a deployment does not have those either.
  if (dependencies) await symlink(dependencies.path, join(target, dependencies.name));
  return `sha256:${hash.digest("hex")}`;
}
