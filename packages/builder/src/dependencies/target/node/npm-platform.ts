import type { TargetPlatform } from "../platform.ts";
import type { ModuleManifest } from "./modules.ts";

const CPUS = { amd64: "x64", arm64: "arm64" } as const satisfies Record<TargetPlatform["arch"], string>;

/**
 * Creates the settings of npm for a platform. Every command needs all three: one without them would replace the platform's packages by this
 * machine's.
 */
export const settingsFor = ({ os, arch, libc }: TargetPlatform): Readonly<Record<string, string>> => ({
  npm_config_os: os,
  npm_config_cpu: CPUS[arch],
  npm_config_libc: libc,
});

/** Returns the reason why a package's manifest excludes a platform; undefined if it does not. */
export function platformObjection(manifest: ModuleManifest, { os, arch, libc }: TargetPlatform): string | undefined {
  const fields = [
    ["os", os],
    ["cpu", CPUS[arch]],
    ["libc", libc],
  ] as const;
  const [field] = fields.find(([name, value]) => !accepts(manifest[name], value)) ?? [];
  return field && `is for "${field}": ${JSON.stringify(manifest[field])} only`;
}

/** Checks a list as npm does: no value after `!` matches, and one of the others, if there are any. */
function accepts(list: unknown, value: string): boolean {
  const all = [list ?? []].flat().map(String);
  if (all.includes(`!${value}`)) return false;
  const wanted = all.filter((each) => !each.startsWith("!"));
  return wanted.length === 0 || wanted.includes(value) || (wanted.length === 1 && wanted[0] === "any");
}
