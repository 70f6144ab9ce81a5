import { realpath, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Environment } from "../../../docker/config.ts";
import { runInstaller } from "../../installer.ts";
import type { InstallTarget, TargetOptions } from "../platform.ts";
import { pythonVersion } from "./tags.ts";

/** Folder of the function in an image. */
const APP = "/app";
/** Maximum number of programs that are asked for their version. */
const MAX_CANDIDATES = 12;
const DESCRIBE = "import sys; print(sys.implementation.name, '.'.join(map(str, sys.version_info[:3])))";

type CompileOptions = Pick<TargetOptions, "env" | "signal">;

/**
 * Compiles the packages in a folder as the Dockerfile in `templates/python` does. Bytecode depends on the minor version of Python alone; with the
 * same patch version, it is equal byte for byte.
 *
 * @returns false without a Python of that minor version on this machine
 */
export async function compilePackages(
  packages: string,
  target: InstallTarget,
  options: CompileOptions,
): Promise<boolean> {
  const python = await findPython(target, options);
  if (python === undefined) return false;
  const paths = ["-s", packages, "-p", `${APP}/.packages`, packages];
  const args = ["-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", ...paths];
  // Packages may contain files for another version of Python: they stay as they are.
  await run(python, args, options).catch((error) => {
    if (error.code !== "INSTALL_FAILED") throw error;
  });
  return true;
}

/**
 * Compiles the wrapper to `.interface.pyc` in a folder, as the Dockerfile in `templates/python` does.
 *
 * @returns false without a Python of the target's minor version on this machine
 */
export async function compileWrapper(
  text: string,
  folder: string,
  target: InstallTarget,
  options: CompileOptions,
): Promise<boolean> {
  const python = await findPython(target, options);
  if (python === undefined) return false;
  const source = join(folder, ".interface.compiled.py");
  await writeFile(source, text);
  const program = `import py_compile, sys
py_compile.compile(*sys.argv[1:], doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)`;
  const args = ["-I", "-c", program, source, join(folder, ".interface.pyc"), `${APP}/.interface.py`];
  await run(python, args, options).finally(() => rm(source, { force: true }));
  return true;
}

const run = (command: string, args: readonly string[], { env, signal }: CompileOptions) =>
  runInstaller({ command, args, cwd: "/", env: { ...env }, signal, missing: `"${command}" cannot be started` });

/** Finds a Python of the target's version on this machine, or else of its minor version; undefined without one. */
async function findPython(target: InstallTarget, options: CompileOptions): Promise<string | undefined> {
  const { minor, full } = pythonVersion(target);
  let found: string | undefined;
  for (const command of await candidates(minor, options.env)) {
    const [name, version = ""] = (await run(command, ["-I", "-S", "-c", DESCRIBE], options).catch(() => ""))
      .trim()
      .split(" ");
    options.signal?.throwIfAborted();
    if (name !== "cpython") continue;
    if (version === full) return command;
    if (version.startsWith(`${minor}.`)) found ??= command;
  }
  return found;
}

async function candidates(minor: string, env: Environment): Promise<string[]> {
  const folders = (env.PATH ?? "").split(delimiter).filter((each) => each !== "");
  const names = [`python${minor}`, "python3"].flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = new Map<string, string>();
  for (const path of [env.FAAS_PYTHON ?? "", ...names]) {
    const real = path.includes("/") ? await realpath(path).catch(() => undefined) : undefined;
    if (real !== undefined && !found.has(real)) found.set(real, path);
  }
  return [...found.values()].slice(0, MAX_CANDIDATES);
}
