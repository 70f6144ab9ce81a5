import { InvalidArgumentError } from "commander";

/** A parser for `--allow-images`. */
export function prefixes(text: string): string[] {
  const list = text.split(",").map((each) => each.trim());
  if (list.every((each) => /^(\*|[\w.:{}[\]/-]+)$/.test(each))) return list;
  throw new InvalidArgumentError(`registries or repositories such as ghcr.io/team,ghcr.io/{org}, got "${text}"`);
}
