import type { App, Language, Runtime, Signature } from "@faas/core";

/** A file that the build writes. */
export interface AddedFile {
  readonly name: string;
  readonly text: string;
}

/** How the code of a folder serves requests, as far as its files say. */
export interface DetectedApp {
  readonly runtime: Exclude<Runtime, "dockerfile">;
  /** Absent: a function. */
  readonly app?: App;
  /** Absent: recognized by the wrapper. */
  readonly signature?: Signature;
  /** `file.export`; absent for a plain function, which the wrapper finds. */
  readonly handler?: string;
  /** Command of a server. */
  readonly command?: string | readonly string[];
  /** Variables that a configuration of the code sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Description for people, such as "Express app, server.js". */
  readonly description: string;
  /** File that is loaded, with `/` as separator; absent for a server and for static files. */
  readonly entry?: string;
  /** `main` of package.json without extension, if it is the output of `entry`. */
  readonly output?: string;
  /** Folder with static files, relative to the source folder; empty for that folder itself. */
  readonly site?: string;
  /** Page of a site for paths without a file. */
  readonly fallback?: string;
  /** Files that are added to the bundle. */
  readonly added?: readonly AddedFile[];
  /** True for a function with a name that only functions have. */
  readonly isCertain?: boolean;
  /** Facts that the user should know. */
  readonly warnings?: readonly string[];
}

/** Settings of the user that a detection must follow. */
export interface GivenSettings {
  readonly runtime?: Exclude<Runtime, "dockerfile"> | undefined;
  readonly app?: App | undefined;
  readonly signature?: Signature | undefined;
  readonly handler?: string | undefined;
  readonly command?: string | readonly string[] | undefined;
}

/** Settings that a build detects, named as in `faas.json`. */
export interface DetectedSettings {
  readonly runtime: Runtime;
  readonly app?: App;
  readonly signature?: Signature;
  readonly handler?: string;
  readonly command?: string | readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Returns the part of a detection, or of what is built from it, that becomes settings. */
export function settingsOf(built: DetectedSettings): DetectedSettings {
  const { runtime, app, signature, handler, command, env } = built;
  return {
    runtime,
    ...(app === undefined ? {} : { app }),
    ...(signature === undefined ? {} : { signature }),
    ...(handler === undefined ? {} : { handler }),
    ...(command === undefined ? {} : { command }),
    ...(env === undefined ? {} : { env }),
  };
}

/** Names of the languages for descriptions. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  node: "Node",
  typescript: "TypeScript",
  python: "Python",
};
