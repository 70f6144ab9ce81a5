import { FaasError } from "@faas/core";

/** Package in the lock file of another package manager. */
export interface LockedModule {
  /** Identifies the package within its lock file. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Address of an archive or repository; absent for a package of the configured registry. */
  readonly resolved?: string | undefined;
  readonly integrity?: string | undefined;
  /** Systems that the package is for, by the field of its manifest. */
  readonly platforms?: Readonly<Record<"os" | "cpu" | "libc", readonly string[] | undefined>> | undefined;
  /** Absolute path of a local package. */
  readonly folder?: string | undefined;
  readonly needs: Needs;
}

/** Identifiers of packages, by the names that a package imports them with. */
export interface Needs {
  readonly required: ReadonlyMap<string, string>;
  readonly optional: ReadonlyMap<string, string>;
}

/** Lock file of another package manager. */
export interface ModuleGraph {
  /** Dependencies of a folder: the function's, or that of another package of the workspace. */
  needsOf(folder: string): Needs;
  /** Returns a package; undefined if the lock file does not have it. */
  find(id: string): LockedModule | undefined;
}

/** Manifests of the function and the packages of its workspace. */
export interface LockInput {
  /** Path of the lock file. */
  readonly path: string;
  readonly text: string;
  /** Folder of the lock file. */
  readonly root: string;
  /** Folder of the function. */
  readonly folder: string;
  /** Returns the manifest of a folder. */
  manifestOf(folder: string): Readonly<Record<string, unknown>>;
}

export type Versions = Readonly<Record<string, string>>;

/** Returns the versions in a field of a manifest. */
export const versionsIn = (manifest: Readonly<Record<string, unknown>>, field: string): Versions =>
  (manifest[field] ?? {}) as Versions;

/** Creates the error for a lock file that does not match the manifest. */
export const outOfDate = (path: string, name: string, command: string): FaasError =>
  new FaasError(
    "MANIFEST_INVALID",
    `${path} is out of date: it does not have "${name}" as package.json does. Run "${command}"`,
  );

/** Creates the error for a lock file that cannot be converted. */
export const unsupported = (path: string, reason: string): FaasError =>
  new FaasError(
    "MANIFEST_INVALID",
    `${path}: ${reason}. Run "npm install --package-lock-only" to pin versions in a package-lock.json instead, and deploy with that`,
  );

/** Returns an address, unless it is that of a public registry, which stays the configured one. */
export const foreignAddress = (url: string | undefined): string | undefined =>
  url === undefined || /^https:\/\/registry\.(?:npmjs\.org|yarnpkg\.com)\//.test(url)
    ? undefined
    : url.replace(/#[0-9a-f]{40}$/, "");
