import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Language } from "@faas/core";
import type { DependencyContext } from "../context.ts";
import { installNodeModules, moveNodeModules } from "./node/install-modules.ts";
import type { InstallFolders, InstallTarget, TargetOptions } from "./platform.ts";
import { installPythonPackages } from "./python/install-packages.ts";

/** Installs from a copy of the manifests into a folder of this file system, and returns when that folder is complete. */
type Install = (
  folders: InstallFolders,
  target: InstallTarget,
  folder: string,
  options: TargetOptions,
) => Promise<void>;

const INSTALLERS = {
  node: installNode,
  typescript: installNode,
  python: installPythonPackages,
} satisfies Record<Language, Install>;

/**
 * Installs dependencies for a platform without a container: fills an empty folder with what an image has below `/app`. Packages come from the
 * registries that npm or pip are configured for; none of their code runs on this machine.
 *
 * @throws NO_PREBUILT_PACKAGE for a package that has to be compiled, or whose scripts have to run
 * @throws INSTALL_FAILED with the installer's reason
 */
export async function installForTarget(
  language: Language,
  context: DependencyContext,
  target: InstallTarget,
  folder: string,
  options: TargetOptions,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  // On the same file system: the result is moved.
  const temporary = await mkdtemp(join(folder, ".install-"));
  try {
    const work = join(temporary, await context.copyTo(temporary));
    await INSTALLERS[language]({ sources: temporary, work }, target, folder, options);
  } finally {
    // The .npmrc among the copied files may contain a token.
    await rm(temporary, { recursive: true, force: true });
  }
}

async function installNode(
  { work }: InstallFolders,
  target: InstallTarget,
  folder: string,
  options: TargetOptions,
): Promise<void> {
  await installNodeModules(work, target, options);
  await moveNodeModules(work, folder);
}
