import type { Registry } from "@faas/core";
import { parseRegistry } from "../registry/image-reference.ts";

export interface ImageName {
  /** Path below that of the registry's address. */
  readonly repository: string;
  readonly tag: string;
}

/** Names of images in a registry: for this machine, which pushes them, and for the platform, which pulls them. */
export class RegistryNames {
  /** `host[:port]` for pushes. */
  readonly host: string;
  readonly #prefix: string;
  readonly #pull: string;

  /** @throws USAGE if the address for pushes is invalid */
  constructor({ push, pull }: Registry) {
    const { host, prefix } = parseRegistry(push);
    this.host = host;
    this.#prefix = prefix;
    this.#pull = pull.replace(/\/+$/, "");
  }

  /** Returns the path of the repository of an image. */
  repository({ repository }: Pick<ImageName, "repository">): string {
    return `${this.#prefix}${repository}`;
  }

  /** Returns the name of an image with its tag. */
  tagged(name: ImageName): string {
    return `${this.host}/${this.repository(name)}:${name.tag}`;
  }

  /** Returns the name of an image for the platform's pulls. */
  reference({ repository }: Pick<ImageName, "repository">, digest: string): string {
    return `${this.#pull}/${repository}@${digest}`;
  }
}
