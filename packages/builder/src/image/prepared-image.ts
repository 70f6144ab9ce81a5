import type { DetectedSettings } from "../detection/detected-app.ts";
import type { PreparedWarmImage } from "./warm/warm-image.ts";

/** An image with a known id that the engine has, or can be given. */
export interface PreparedImage extends DetectedSettings {
  readonly imageId: string;
  readonly description: string;
  readonly environment?: string;
  /** Such as `linux/amd64`. */
  readonly platforms: readonly string[];
  readonly warnings: readonly string[];
  /** Image and code for warm pods. Absent: they cannot run the function, or nothing is to be uploaded for them. */
  readonly warm?: PreparedWarmImage;
  /** Loads the image into the engine under a name. */
  load(name: string): Promise<void>;
}
