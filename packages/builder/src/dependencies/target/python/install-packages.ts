import { mkdir, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { readOptionalText } from "../../../source/manifest.ts";
import { runInstaller } from "../../installer.ts";
import { makePortable, QUIET_PIP } from "../../python/install.ts";
import { normalizeName } from "../../python/requirement.ts";
import { mergeFolder, PACKAGE_FILES_FOLDER, REQUIREMENT_FILES, requirementLines } from "../../python/requirements.ts";
import { matchesVersions } from "../../python/version.ts";
import {
  type InstallFolders,
  type InstallTarget,
  noPrebuiltPackage,
  type TargetOptions,
  type UnavailablePackage,
} from "../platform.ts";
import { checkPackages } from "./check-packages.ts";
import { compilePackages } from "./compile.ts";
import { markersOf, PIP_PROGRAM, pipOptions, pythonVersion, uvOptions } from "./tags.ts";

/** Runs pip or uv in a folder, and returns its output. */
interface PackageInstaller {
  install(file: string, into: string, options: readonly string[]): Promise<void>;
}

/**
 * Installs the dependencies of a Python function for a platform into `.packages` of a folder: by pip, or by uv on a machine without pip. Only local
 * packages are built on this machine, because they have no other form.
 *
 * @throws NO_PREBUILT_PACKAGE, INSTALL_FAILED
 */
export async function installPythonPackages(
  { work, sources }: InstallFolders,
  target: InstallTarget,
  folder: string,
  options: TargetOptions,
): Promise<void> {
  await rejectSources(work, target);
  const packages = join(work, ".faas-target");
  await mkdir(packages);
  const installer = (await hasPip(work, options)) ? pip(work, target, options) : uv(work, target, options);
  for (const file of Object.values(REQUIREMENT_FILES)) {
    if ((await readOptionalText(join(work, file))) === undefined) continue;
    // pip does not add to the folder of a namespace that an earlier run has created.
    const into = file === REQUIREMENT_FILES.sources ? join(work, ".faas-built") : packages;
    await installer.install(file, into, file === REQUIREMENT_FILES.open ? [] : ["--no-deps"]);
    if (into !== packages) await mergeFolder(into, packages);
  }
  await mergeFolder(join(work, PACKAGE_FILES_FOLDER), packages);
  await checkPackages(packages, target.platform);
  await makePortable(packages, sources);
  if (!(await compilePackages(packages, target, options)) && (await readdir(packages)).length > 0)
    options.onLine?.(
      `Packages are not compiled, and starts take longer: this machine has no Python ${pythonVersion(target).minor}`,
    );
  const isEmpty = await rmdir(packages).then(
    () => true,
    () => false,
  );
  if (!isEmpty) await rename(packages, join(folder, ".packages"));
}

/** Rejects packages from repositories and archives of sources elsewhere: installing them would run their code on this machine. */
async function rejectSources(work: string, { platform }: InstallTarget): Promise<void> {
  const sources: UnavailablePackage[] = [];
  for (const file of Object.values(REQUIREMENT_FILES)) {
    for (const line of requirementLines((await readOptionalText(join(work, file))) ?? "")) {
      const [, name = "", url = ""] =
        /^(?:([\w.-]+)\s*(?:\[[^\]]*\])?\s*@\s*)?((?:(?:git|hg|svn|bzr)\+|https?:)\S+)/.exec(line) ?? [];
      const isRepository = /^\w+\+/.test(url);
      if (url === "" || (!isRepository && /\.whl(?:[#?]|$)/.test(url))) continue;
      const reason = `comes from ${isRepository ? "a repository" : "an archive of sources"} and has to be built`;
      sources.push({ name: name || url.replace(/\/\/[^/@]*@/, "//"), reason });
    }
  }
  if (sources.length > 0) throw noPrebuiltPackage(platform, sources);
}

const pythonCommand = ({ env }: TargetOptions): string => env.FAAS_PYTHON || "python3";

const MISSING = "neither pip nor uv is on this machine. Install Python 3.9 or newer with pip, or uv";

const hasPip = async (work: string, options: TargetOptions): Promise<boolean> => {
  const { env, signal } = options;
  const command = pythonCommand(options);
  return runInstaller({
    command,
    args: ["-c", "import pip"],
    cwd: work,
    env: { ...env },
    signal,
    missing: MISSING,
  }).then(
    () => true,
    (error) => {
      if (error instanceof FaasError) return false;
      throw error;
    },
  );
};

function pip(work: string, target: InstallTarget, options: TargetOptions): PackageInstaller {
  const { env, signal } = options;
  const run = async (args: readonly string[], target: readonly string[]) => {
    const program = join(work, ".faas-pip/pip.program.py");
    await mkdir(join(work, ".faas-pip"), { recursive: true });
    await writeFile(program, PIP_PROGRAM);
    return runInstaller({
      name: "pip",
      command: pythonCommand(options),
      args: [program, ...target, ...args],
      cwd: work,
      env: { ...env, PIP_USER: "0", PYTHONDONTWRITEBYTECODE: "1" },
      signal,
      missing: MISSING,
    });
  };
  const markers = [JSON.stringify(markersOf(target))];
  return {
    async install(file, into, extra) {
      const args = [
        "install",
        ...QUIET_PIP,
        "--no-compile",
        ...pipOptions(target),
        ...extra,
        "--target",
        into,
        "-r",
        file,
      ];
      await run(args, markers).catch(async (error) => {
        const missing = missingOf(error);
        const versionOptions = ["--python-version", pythonVersion(target).full, "--no-binary", ":all:"];
        const list = () => run(["index", "versions", missing?.name ?? "", ...versionOptions], markers);
        if (missing && (await isSource(missing.versions, list))) throw asSource(missing.name, missing.versions, target);
        throw error;
      });
    },
  };
}

/** Returns the requirement that pip found nothing for. */
function missingOf(error: unknown): { name: string; versions: string } | undefined {
  if (!(error instanceof FaasError) || error.code !== "INSTALL_FAILED") return undefined;
  const [, name, versions = ""] =
    /No matching distribution found for ([\w.-]+)(?:\[[^\]]*\])?\s*([^;\s]*)/.exec(error.message) ?? [];
  return name === undefined ? undefined : { name, versions };
}

/** Asks the index if it has sources of a version. */
async function isSource(versions: string, list: () => Promise<string>): Promise<boolean> {
  const [, listed = ""] = /^Available versions: (.*)$/m.exec(await list().catch(() => "")) ?? [];
  return listed.split(", ").some((each) => each !== "" && matchesVersions(each, versions));
}

const asSource = (name: string, versions: string, { platform }: InstallTarget) =>
  noPrebuiltPackage(platform, [
    {
      name: normalizeName(name),
      version: versions.replace(/^==/, ""),
      reason: "exists as source only, and has to be built",
    },
  ]);

const LOCAL_WITH_UV = "is a local package, which is built by pip only, and this machine has no pip";

function uv(work: string, target: InstallTarget, { env, signal }: TargetOptions): PackageInstaller {
  return {
    async install(file, into, extra) {
      const args = ["pip", "install", "--quiet", ...uvOptions(target), ...extra, "--target", into, "-r", file];
      await runInstaller({ command: "uv", args, cwd: work, env: { ...env }, signal, missing: MISSING }).catch(
        (error) => {
          const text =
            error instanceof FaasError ? [error.message, ...lines(error)].join(" ").replaceAll(/\s+/g, " ") : "";
          const [, local] = /attempted to build `([^`]*)`/.exec(text) ?? [];
          if (local !== undefined) throw noPrebuiltPackage(target.platform, [{ name: local, reason: LOCAL_WITH_UV }]);
          const [, name, version = ""] = /([\w.-]+)(?:==(\S+))? has no (?:usable )?wheels/.exec(text) ?? [];
          throw name === undefined ? error : asSource(name, version, target);
        },
      );
      await rm(join(into, ".lock"), { force: true });
    },
  };
}

const lines = ({ extensions }: FaasError): readonly string[] => (extensions.lastLogLines as string[] | undefined) ?? [];
