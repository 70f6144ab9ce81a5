import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { PACKAGES_FILE } from "../bundle/bundle-cli.ts";
import { repository } from "./folders.ts";
import { copyNativePackages } from "./native-packages.ts";
import { type IncludedPackage, noticesOf, readPackages } from "./notices.ts";

/** Files of the repository that the program uses. They keep their places: the bundle finds them as in the repository. */
const FILES = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "packages/cli/bin",
  "packages/cli/dist",
  "packages/gateway/programs",
  "packages/platforms/programs",
  "packages/server/package.json",
  "packages/ui/dist",
  "templates",
];
/** Files that running templates and programs leaves behind. */
const LEFTOVERS = new Set(["node_modules", "__pycache__", ".venv"]);

/** Settings of {@link writePackageFolder}. */
export interface PackageOptions {
  readonly version: string;
  /** True for a release that runs on machines like this one only, without downloads. */
  readonly isLocal: boolean;
}

/** Writes the content of the tarball into a folder, from the built program; returns the packages that it includes. */
export async function writePackageFolder(
  folder: string,
  { version, isLocal }: PackageOptions,
): Promise<IncludedPackage[]> {
  for (const path of FILES) {
    const filter = (source: string) => !LEFTOVERS.has(basename(source));
    await cp(join(repository, path), join(folder, path), { recursive: true, filter });
  }
  await writeManifests(folder, version);
  // Not at the top, where npm would compare it with the dependencies in package.json.
  const native = await copyNativePackages(join(folder, "packages/cli/node_modules"), isLocal);
  const bundled = await bundledPackages(folder);
  const packages = await readPackages([
    ...bundled.map((path) => join(repository, path)),
    ...native.map((name) => join(folder, "packages/cli/node_modules", name)),
  ]);
  await writeFile(join(folder, "THIRD-PARTY-NOTICES.txt"), await noticesOf(packages));
  return packages;
}

/** Lists the folders of the packages in the bundles of the program and of the web page, relative to the repository. */
async function bundledPackages(folder: string): Promise<string[]> {
  const lists = ["packages/cli/dist", "packages/ui/dist"].map(
    async (dist) => JSON.parse(await readFile(join(folder, dist, PACKAGES_FILE), "utf8")) as string[],
  );
  return [...new Set((await Promise.all(lists)).flat())];
}

async function writeManifests(folder: string, version: string): Promise<void> {
  const { description, license } = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
  const program = { name: "@faas/cli", version, description, license, private: true, type: "module" };
  const bin = { faas: "packages/cli/bin/faas.js" };
  const manifest = { ...program, bin, engines: { node: ">=22.19" }, os: ["darwin", "linux"], cpu: ["arm64", "x64"] };
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await mkdir(join(folder, "packages/cli"), { recursive: true });
  await writeFile(join(folder, "packages/cli/package.json"), `${JSON.stringify(program, null, 2)}\n`);
}
