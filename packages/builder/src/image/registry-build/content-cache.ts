import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256 } from "../../registry/digest.ts";

/** Manifests and configurations of base images on this machine, by their digests: a few kilobytes each. */
export class ContentCache {
  readonly #folder: string;

  constructor(cacheDir: string) {
    this.#folder = join(cacheDir, "registry", "content");
  }

  /** Returns content from the cache, or reads it and keeps it. */
  async get(digest: string, read: () => Promise<Buffer>): Promise<Buffer> {
    const path = join(this.#folder, digest.replace(":", "-"));
    const cached = await readFile(path).catch(() => undefined);
    if (cached && sha256(cached) === digest) return cached;
    const content = await read();
    // Without a cache, the next build reads it again.
    await writeAtomically(path, content).catch(() => {});
    return content;
  }
}

/** Time for which an official image's tag is not resolved again. */
const FRESH_MS = 5 * 60_000;

/** Digests of official images by their names. Their tags move seldom, and a project is deployed several times in a row. */
export class TagCache {
  readonly #folder: string;

  constructor(cacheDir: string) {
    this.#folder = join(cacheDir, "registry", "tags");
  }

  /** Returns the digest of a few minutes ago, or resolves the tag. */
  async get(reference: string, nowMs: number, resolve: () => Promise<string>): Promise<string> {
    const path = join(this.#folder, sha256(reference).replace(":", "-"));
    const [digest = "", resolvedAt] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    const ageMs = nowMs - Number(resolvedAt);
    if (digest.startsWith("sha256:") && ageMs >= 0 && ageMs < FRESH_MS) return digest;
    const resolved = await resolve();
    await writeAtomically(path, `${resolved} ${nowMs}`).catch(() => {});
    return resolved;
  }
}

/** Replaces a file: readers see the old content or the new one. */
export async function writeAtomically(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}
