import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "./content-cache.ts";

/** Repositories that have been seen to have a layer, so that another repository of the registry can mount it from there. */
export class BlobLocations {
  readonly #folder: string;

  constructor(cacheDir: string) {
    this.#folder = join(cacheDir, "registry", "locations");
  }

  /** Returns the repository that had a layer last. It may not have it any more. */
  async find(host: string, digest: string): Promise<string | undefined> {
    const text = await readFile(this.#path(host, digest), "utf8").catch(() => undefined);
    return text === "" ? undefined : text;
  }

  async remember(host: string, digest: string, repository: string): Promise<void> {
    // Without it, the next push sends the layer again.
    await writeAtomically(this.#path(host, digest), repository).catch(() => {});
  }

  #path(host: string, digest: string): string {
    return join(this.#folder, host.replaceAll(/[^\w.-]/g, "_"), digest.replace(":", "-"));
  }
}
