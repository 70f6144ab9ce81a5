import type { Runtime } from "@faas/core";

/** An image with a known id that the engine has, or can be given. */
export interface PreparedImage {
  readonly imageId: string;
  readonly runtime: Runtime;
  readonly handler?: string;
  readonly environment?: string;
  readonly warnings: readonly string[];
  /** Loads the image into the engine under a name. */
  load(name: string): Promise<void>;
}
