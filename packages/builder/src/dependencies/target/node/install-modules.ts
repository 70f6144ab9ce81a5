import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { readOptionalText } from "../../../source/manifest.ts";
import { runInstaller } from "../../installer.ts";
import { resolveLinks } from "../../local-packages.ts";
import { installerEnvironment, LOCK_FILES, NPM_MISSING, QUIET } from "../../node.ts";
import { PRUNE_PROGRAM } from "../../node-locks/convert.ts";
import type { InstallTarget, TargetOptions } from "../platform.ts";
import { checkModules } from "./check-modules.ts";
import { settingsFor } from "./npm-platform.ts";

/** npm's record of what it has installed. */
const HIDDEN_LOCK = "node_modules/.package-lock.json";
/** Program that makes npm judge `engines` by the Node version of the image. */
const VERSION_PROGRAM = ".faas-version.cjs";

/**
 * Installs the dependencies of a Node function for a platform: `node_modules` in the folder of the manifests. No code of a dependency runs on this
 * machine.
 *
 * @throws NO_PREBUILT_PACKAGE, INSTALL_FAILED
 */
export async function installNodeModules(
  work: string,
  { platform, runtimeVersion }: InstallTarget,
  { env, signal, onLine }: TargetOptions,
): Promise<void> {
  const version = join(work, VERSION_PROGRAM);
  await writeFile(version, versionProgram(runtimeVersion));
  const settings = {
    ...installerEnvironment(env),
    ...settingsFor(platform),
    NODE_OPTIONS: withPreload(env.NODE_OPTIONS, version),
  };
  const run = (command: string, args: readonly string[]) =>
    runInstaller({ command, args, cwd: work, env: settings, signal, missing: NPM_MISSING });
  const isLocked = (await Promise.all(LOCK_FILES.map((name) => readOptionalText(join(work, name))))).some(
    (text) => text !== undefined,
  );
  const install = isLocked ? ["ci"] : ["install", "--no-package-lock"];
  const args = [...install, "--ignore-scripts", "--omit=dev", "--install-links", ...QUIET];
  await run("npm", args).catch((error) => {
    // npm judges packages that are not optional by this machine. Their platforms are checked afterwards.
    if (!isBadPlatform(error)) throw error;
    return run("npm", [...args, "--force"]);
  });
  const repositories = await readRepositories(work);
  if ((await readOptionalText(join(work, PRUNE_PROGRAM))) !== undefined) await run(process.execPath, [PRUNE_PROGRAM]);
  await resolveLinks(join(work, "node_modules"));
  await rm(join(work, HIDDEN_LOCK), { force: true });
  await checkModules(work, { platform, repositories, onLine });
}

/** Moves the installed packages. The folder exists even without any, as in a container. */
export async function moveNodeModules(work: string, folder: string): Promise<void> {
  const modules = join(work, "node_modules");
  await mkdir(modules, { recursive: true });
  await rename(modules, join(folder, "node_modules"));
}

/** Redefines the version of Node, which the settings of npm cannot. */
function versionProgram(version: string): string {
  // The newest of a release line, if only that is known.
  const [major, minor = "999", patch = "999"] = version.replace(/^v/, "").split(".");
  const full = JSON.stringify(`v${major}.${minor}.${patch}`);
  return `Object.defineProperty(process, "version", { value: ${full}, enumerable: true, configurable: true });\n`;
}

const withPreload = (options: string | undefined, path: string): string =>
  `${options ?? ""} --require "${path.replaceAll(/["\\]/g, "\\$&")}"`.trim();

const isBadPlatform = (error: unknown): boolean =>
  error instanceof FaasError && JSON.stringify(error.extensions.lastLogLines ?? "").includes("EBADPLATFORM");

/** Returns the paths of packages from repositories. */
async function readRepositories(work: string): Promise<ReadonlySet<string>> {
  const text = await readOptionalText(join(work, HIDDEN_LOCK));
  const { packages = {} } = JSON.parse(text ?? "{}") as { packages?: Readonly<Record<string, { resolved?: string }>> };
  return new Set(Object.keys(packages).filter((path) => packages[path]?.resolved?.startsWith("git")));
}
