import { FaasError } from "@faas/core";

/** Operating system and CPU of a node (OCI image specification, "platform"). */
export interface Platform {
  readonly os: "linux";
  readonly arch: "amd64" | "arm64";
}

const DEFAULT_PLATFORM: Platform = { os: "linux", arch: "amd64" };

export const platformName = ({ os, arch }: Platform): string => `${os}/${arch}`;

/**
 * Parses names such as `linux/amd64`, sorted and without repetitions: their order does not change the image.
 *
 * @throws USAGE
 */
export function parsePlatforms(names: readonly string[]): readonly [Platform, ...Platform[]] {
  const [first, ...others] = [...new Set(names.map((name) => name.trim()))].sort().map(parsePlatform);
  return first === undefined ? [DEFAULT_PLATFORM] : [first, ...others];
}

function parsePlatform(name: string): Platform {
  const [, arch] = /^linux\/(amd64|arm64)(?:\/v8)?$/.exec(name) ?? [];
  if (arch === "amd64" || arch === "arm64") return { os: "linux", arch };
  throw new FaasError("USAGE", `Expected platforms such as linux/amd64,linux/arm64, got "${name}"`);
}
