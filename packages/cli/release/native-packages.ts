import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { UNBUNDLED } from "../bundle/bundle-cli.ts";
import { dependencies, repository } from "./folders.ts";

const run = promisify(execFile);

/** Files of the packages that are not part of the bundle. */
const FILES: Readonly<Record<(typeof UNBUNDLED)[number], readonly string[]>> = {
  "@resvg/resvg-js": ["LICENSE", "index.js", "js-binding.js", "package.json"],
  esbuild: ["LICENSE.md", "lib/main.js", "package.json"],
  "typescript-api": ["LICENSE.txt", "ThirdPartyNoticeText.txt", "lib/typescript.js", "package.json"],
};

/** Packages with native code, for each kind of machine that a release runs on. */
const NATIVE = [
  ...["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"].map((machine) => `@esbuild/${machine}`),
  ...["darwin-arm64", "darwin-x64", "linux-arm64-gnu", "linux-arm64-musl", "linux-x64-gnu", "linux-x64-musl"].map(
    (machine) => `@resvg/resvg-js-${machine}`,
  ),
];

/** Entry of `package-lock.json`. */
interface LockedPackage {
  readonly version: string;
  readonly integrity: string;
}

/**
 * Copies the packages that are not part of the bundle into a `node_modules` folder. Returns their names. Packages for other machines than this one are
 * downloaded and compared with `package-lock.json`; with `isLocal` they are left out.
 */
export async function copyNativePackages(target: string, isLocal: boolean): Promise<string[]> {
  for (const [name, files] of Object.entries(FILES))
    for (const file of files) await cp(join(dependencies, name, file), join(target, name, file));
  const native = NATIVE.filter((name) => !isLocal || existsSync(join(dependencies, name)));
  const { packages } = JSON.parse(await readFile(join(repository, "package-lock.json"), "utf8"));
  for (const name of native) {
    const from = join(dependencies, name);
    if (existsSync(from)) await cp(from, join(target, name), { recursive: true });
    else await download(name, packages[`node_modules/${name}`], join(target, name));
    // npm gives a program its mode when it installs the package itself.
    if (name.startsWith("@esbuild/")) await chmod(join(target, name, "bin/esbuild"), 0o755);
  }
  return [...Object.keys(FILES), ...native];
}

/** Downloads a package with npm and unpacks it. */
async function download(name: string, { version, integrity }: LockedPackage, target: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "faas-release-"));
  try {
    const args = ["pack", `${name}@${version}`, "--json", "--pack-destination", folder];
    const { stdout } = await run("npm", args, { cwd: folder });
    const file = join(folder, fileNameOf(JSON.parse(stdout)));
    const found = `sha512-${createHash("sha512")
      .update(await readFile(file))
      .digest("base64")}`;
    if (found !== integrity)
      throw new Error(
        `Expected ${name} ${version} to be the package of package-lock.json (${integrity}), got ${found}`,
      );
    await mkdir(target, { recursive: true });
    await run("tar", ["-xzf", file, "-C", target, "--strip-components=1"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns the name of the file in the output of `npm pack --json`: a list of packages, or since npm 12 an object by their names. */
function fileNameOf(output: unknown): string {
  const [packed] = Object.values(output as Record<string, { filename: string }>);
  if (packed === undefined) throw new Error("Expected npm pack to write one file, got none");
  return packed.filename;
}
