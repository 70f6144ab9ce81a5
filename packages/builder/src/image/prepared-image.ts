import type { DetectedSettings } from "../detection/detected-app.ts";

/** An image with a known id that the engine has, or can be given. */
export interface PreparedImage extends DetectedSettings {
  readonly imageId: string;
  readonly description: string;
  readonly environment?: string;
  readonly warnings: readonly string[];
  /** Loads the image into the engine under a name. */
  load(name: string): Promise<void>;
}
