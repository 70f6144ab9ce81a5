import type { FaasError, Registry } from "@faas/core";
import { putManifest, readManifest } from "../../registry/api/manifests.ts";
import type { RegistrySession } from "../../registry/api/session.ts";
import type { ResolvedImageOptions } from "../image-options.ts";
import type { PushTarget } from "../publish.ts";
import { type ImageName, RegistryNames } from "../registry-names.ts";
import type { BlobLocations } from "./blob-locations.ts";
import { imageIndex, imageManifest } from "./image-manifest.ts";
import { NeedsDocker } from "./needs-docker.ts";
import type { ImageSet } from "./prepare.ts";
import { pushBlobs } from "./push-blobs.ts";
import type { Sessions } from "./sessions.ts";

/** Registry that this process pushes to. */
export class RegistryTarget implements PushTarget<ImageSet> {
  readonly names: RegistryNames;
  readonly #session: RegistrySession;
  readonly #locations: BlobLocations;

  private constructor(names: RegistryNames, session: RegistrySession, locations: BlobLocations) {
    this.names = names;
    this.#session = session;
    this.#locations = locations;
  }

  static async open(registry: Registry, sessions: Sessions, locations: BlobLocations): Promise<RegistryTarget> {
    const names = new RegistryNames(registry);
    return new RegistryTarget(names, await sessions.open(names.host), locations);
  }

  /** Opens a connection and logs in, ahead of the first request. */
  connect(): Promise<void> {
    return this.#session.send({ method: "GET", path: "/v2/" }).then(
      () => {},
      // The first request reports why it fails.
      () => {},
    );
  }

  async find(name: ImageName, { images }: ImageSet): Promise<string | undefined> {
    const existing = await this.#read(this.names.repository(name), name.tag);
    const [only] = images;
    // An engine's push of the same image has other compressed layers, and with them another digest.
    if (only && images.length === 1)
      return existing?.content.config?.digest === only.config.id ? existing.digest : undefined;
    return existing?.digest === (await imageIndex(images)).digest ? existing.digest : undefined;
  }

  async push(name: ImageName, { images }: ImageSet, onProgress?: ResolvedImageOptions["onProgress"]): Promise<string> {
    const session = this.#session;
    const { tag } = name;
    const repository = this.names.repository(name);
    await pushBlobs(images, { session, repository, locations: this.#locations, onProgress });
    const manifests = await Promise.all(images.map(imageManifest));
    const [only] = manifests;
    if (only && manifests.length === 1) {
      await putManifest(session, repository, tag, only);
      return only.digest;
    }
    for (const manifest of manifests) await putManifest(session, repository, manifest.digest, manifest);
    const index = await imageIndex(images);
    await putManifest(session, repository, tag, index);
    return index.digest;
  }

  /** Reads a manifest; undefined if the registry has none under that name. */
  async #read(repository: string, tag: string) {
    try {
      return await readManifest(this.#session, repository, tag);
    } catch (error) {
      const { code } = error as FaasError;
      if (code === "IMAGE_NOT_FOUND" || code === "BUILD_FAILED") return undefined;
      // Some registries answer like this for a repository that does not exist yet. If the login is wrong, the push reports it.
      if (code === "REGISTRY_DENIED" && this.#session.access.credentials) return undefined;
      // A Docker engine may be in a network that reaches it.
      throw code === "REGISTRY_UNREACHABLE" ? new NeedsDocker(error as FaasError) : error;
    }
  }
}
