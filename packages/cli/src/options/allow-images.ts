import { InvalidArgumentError } from "commander";

/** Description of `--allow-images`. */
export const ALLOW_IMAGES_DESCRIPTION = "Other allowed image sources, such as ghcr.io/team,ghcr.io/{org} (* for any)";

/** Parses the prefixes of `--allow-images`. */
export function parseAllowedImages(text: string): string[] {
  const prefixes = text.split(",").map((each) => each.trim());
  if (prefixes.every((prefix) => /^(\*|[\w.:{}[\]/-]+)$/.test(prefix))) return prefixes;
  throw new InvalidArgumentError(`registries or repositories such as ghcr.io/team,ghcr.io/{org}, got "${text}"`);
}
