import type { EndpointRef, Registry } from "@faas/core";
import type { SourceSettings } from "../bundle/prepare.ts";
import type { Environment } from "../docker/config.ts";
import type { ImageProgress } from "../docker/layer-progress.ts";
import type { CodeBundle } from "./warm/code-bundle.ts";

export type ImageStage = "prepare" | "pull" | "install" | "build" | "push";

export const imageBuilders = ["auto", "registry", "docker"] as const;
export type ImageBuilder = (typeof imageBuilders)[number];

export interface ImageOptions extends EndpointRef, SourceSettings {
  /** Registry to push to and to pull from. Absent: the image stays in the Docker engine. */
  readonly registry?: Registry;
  /** Pushes the image, unless the registry already has it. */
  readonly push?: boolean;
  /**
   * Uploads the code for warm pods, during the push. Absent: the image is built without a warm part.
   */
  readonly uploadCode?: (code: CodeBundle) => Promise<void>;
  /** @defaultValue the first 12 hexadecimal digits of the image id */
  readonly tag?: string;
  /** Page of a static folder for paths without a file, with status 200. */
  readonly fallback?: string;
  /** Called with a description of what was detected, such as "Express app, server.js". */
  readonly onDetected?: (description: string) => void;
  /** @defaultValue the base image of the language, see `DEFAULT_BASE_IMAGES` */
  readonly baseImage?: string;
  /** Registry with copies of Docker Hub's official images, `host[:port][/path]`. Absent: Docker Hub. */
  readonly baseRegistry?: string;
  /**
   * Program that builds the image: this process, which needs a registry, or a Docker engine. `auto` uses the engine for what needs it.
   *
   * @defaultValue `auto`
   */
  readonly builder?: ImageBuilder;
  /**
   * Platforms of the image, such as `linux/amd64`. An engine builds for its own.
   *
   * @defaultValue `["linux/amd64"]`
   */
  readonly platforms?: readonly string[];
  /** Additional labels of the image. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly sizeLimitBytes?: number;
  readonly signal?: AbortSignal;
  /** Called when a stage begins. */
  readonly onStage?: (stage: ImageStage) => void;
  /** Called with every line that an installer or a Dockerfile prints. */
  readonly onLine?: (line: string) => void;
  /** Called with the progress of pulling the base image, and of pushing. */
  readonly onProgress?: (progress: ImageProgress) => void;
  /**
   * Environment that locates Docker and its logins, and has SOURCE_DATE_EPOCH.
   *
   * @defaultValue `process.env`
   */
  readonly env?: Environment;
}

/** Options of {@link ImageOptions} with the environment filled in. */
export type ResolvedImageOptions = ImageOptions & { readonly env: Environment };
