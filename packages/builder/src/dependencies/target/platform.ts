import { FaasError } from "@faas/core";
import type { Environment } from "../../docker/config.ts";

/** Platform that installed packages are for. */
export interface TargetPlatform {
  readonly os: "linux";
  readonly arch: "amd64" | "arm64";
  readonly libc: "glibc" | "musl";
}

/** Platform and runtime that dependencies are installed for. */
export interface InstallTarget {
  readonly platform: TargetPlatform;
  /** Version of Node or Python in the image, such as `24.1.0`. */
  readonly runtimeVersion: string;
}

export interface TargetOptions {
  /** Environment of the installer. */
  readonly env: Environment;
  readonly signal: AbortSignal | undefined;
  /** Called for each package that is not as a container would have it, with the reason. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/** Copy of the manifests and local packages. */
export interface InstallFolders {
  readonly sources: string;
  /** Folder of the manifests within. */
  readonly work: string;
}

/** Package that cannot be installed for a platform without a container. */
export interface UnavailablePackage {
  readonly name: string;
  /** Absent for a package that is named without one. */
  readonly version?: string | undefined;
  /** Clause that follows the name, such as `has to be compiled (install: node-gyp rebuild)`. */
  readonly reason: string;
}

/** Maximum number of packages in the text of an error; all of them are in its extensions. */
const MAX_NAMED = 5;

/** Formats a platform for people: `linux/arm64 (musl)`. */
const formatPlatform = ({ os, arch, libc }: TargetPlatform): string => `${os}/${arch} (${libc})`;

/**
 * Creates the error for packages that only a container of the platform can install.
 *
 * @param advice - sentence about another way, if there is one
 */
export function noPrebuiltPackage(
  platform: TargetPlatform,
  packages: readonly UnavailablePackage[],
  advice = "",
): FaasError {
  const named = packages
    .slice(0, MAX_NAMED)
    .map(({ name, version, reason }) => `${withVersion(name, version)} ${reason}`);
  const more = packages.length > MAX_NAMED ? [`and ${packages.length - MAX_NAMED} more`] : [];
  return new FaasError(
    "NO_PREBUILT_PACKAGE",
    `Not every package is available for ${formatPlatform(platform)}: ${[...named, ...more].join("; ")}. Deploy with --builder docker, or with a builder pod, to install in a container${advice && `. ${advice}`}`,
    { extensions: { packages, platform: formatPlatform(platform) } },
  );
}

/** Formats a package as the commands of its ecosystem print it, without a version that is not known. */
export const withVersion = (name: string, version: string | undefined): string =>
  version === undefined || version === "" ? name : `${name} ${version}`;
