import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readOptionalText } from "../../../source/manifest.ts";
import { type FoundBinary, findBinary, fitOf, formatBinaries } from "../binary/fit.ts";
import { noPrebuiltPackage, type TargetPlatform, type UnavailablePackage } from "../platform.ts";

/**
 * Checks that installed packages work on a platform: by the headers of their binaries, and by the tags of those that were built from a local folder.
 *
 * @throws NO_PREBUILT_PACKAGE
 */
export async function checkPackages(packages: string, platform: TargetPlatform): Promise<void> {
  const unavailable: UnavailablePackage[] = [];
  for (const info of (await readdir(packages).catch(() => [])).filter((name) => name.endsWith(".dist-info")).sort()) {
    const [name = info, version] = info.slice(0, -".dist-info".length).split("-");
    const reason = await objectionTo(packages, info, platform);
    if (reason !== undefined) unavailable.push({ name, version, reason });
  }
  if (unavailable.length > 0) throw noPrebuiltPackage(platform, unavailable);
}

async function objectionTo(packages: string, info: string, platform: TargetPlatform): Promise<string | undefined> {
  const origin = (await readOptionalText(join(packages, info, "direct_url.json"))) ?? "";
  const tags = (await readOptionalText(join(packages, info, "WHEEL"))) ?? "";
  // A wheel of an index was chosen by its tag. pip takes what it built itself for fitting.
  const isBuilt = origin !== "" && !/"url":\s*"[^"]*\.whl(?:#[^"]*)?"/.test(origin);
  if (isBuilt && /^Tag: (?!.*-any\s*$)/m.test(tags)) return "is a local package that has to be compiled";
  const binaries: FoundBinary[] = [];
  const record = (await readOptionalText(join(packages, info, "RECORD"))) ?? "";
  for (const line of record.split("\n")) {
    // Programs are recorded relative to a virtual environment.
    const path = join(packages, fileOf(line).replace(/^(?:\.\.\/)+(?=bin\/)/, ""));
    if (line === "" || !existsSync(path)) continue;
    const binary = await findBinary(path);
    if (binary) binaries.push(binary);
  }
  if (fitOf(binaries, platform) !== "others") return undefined;
  return `has binaries for ${formatBinaries(binaries)} only`;
}

/** Returns the path in a line of RECORD, which is quoted if it contains a comma. */
const fileOf = (line: string): string =>
  line.startsWith('"') ? line.slice(1, line.lastIndexOf('",')).replaceAll('""', '"') : (line.split(",")[0] ?? "");
