import { join } from "node:path";
import type { App } from "./deployed-app.ts";
import { nodeApps } from "./node-apps.ts";
import { otherApps } from "./other-apps.ts";
import { pythonApps } from "./python-apps.ts";

/** Applications that are deployed unmodified, with real dependencies. */
export const apps: readonly App[] = [...nodeApps, ...pythonApps, ...otherApps];

/** Returns the folder of an application. */
export const folderOf = ({ name }: App): string => join(import.meta.dirname, "folders", name);
