import { detectApp } from "../detection/detect-app.ts";
import type { GivenSettings } from "../detection/detected-app.ts";
import { readSource } from "../source/source.ts";
import { type Files, sourceFolder } from "./source-folder.ts";

/** For tests: detects the app in a folder with these files and returns the settings that are sent for it, with the description. */
export async function detectedSettings(files: Files, given: GivenSettings = {}): Promise<object> {
  const found = await detectApp(await readSource(await sourceFolder(files), 2 ** 20), given);
  const { app, signature, handler, command, env, description } = found;
  const settings = Object.entries({ app, signature, handler, command, env }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(settings), description };
}
