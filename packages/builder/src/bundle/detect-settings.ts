import { detectApp } from "../detection/detect-app.ts";
import { type DetectedSettings, type GivenSettings, settingsOf } from "../detection/detected-app.ts";
import { usesDockerfile } from "../source/runtime.ts";
import { readSource } from "../source/source.ts";
import { SOURCE_LIMIT_BYTES, type SourceSettings } from "./prepare.ts";

export interface DetectOptions extends SourceSettings {
  /** The platform runs images, so a Dockerfile of the folder's own is built. */
  readonly buildsImages: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Detects the settings of a folder as a build of it would, without building it.
 *
 * @throws SOURCE_UNREADABLE, SOURCE_EMPTY, RUNTIME_UNKNOWN, HANDLER_NOT_FOUND, MANIFEST_INVALID
 */
export async function detectSettings(dir: string, options: DetectOptions): Promise<DetectedSettings> {
  const { runtime, handler, app, signature, buildsImages, signal } = options;
  const source = await readSource(dir, SOURCE_LIMIT_BYTES, signal);
  if (buildsImages && usesDockerfile(source, runtime, handler ?? app ?? signature)) return { runtime: "dockerfile" };
  const detected = await detectApp(source, options as GivenSettings);
  return { ...settingsOf(detected), ...(detected.site === undefined ? {} : { runtime: "node" }) };
}
