import { execFile } from "node:child_process";
import { mkdir, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Programs } from "../../common/runtime-command.ts";

/**
 * Creates a folder with the platform's own Node and Python, so that the commands of servers use the same ones as functions. It is a virtual environment
 * (PEP 405) without packages: a server does not see those of this machine's Python.
 *
 * @returns the folder for the PATH
 */
export async function createProgramFolder(folder: string, { node, python }: Programs): Promise<string> {
  const bin = join(folder, "bin");
  await mkdir(bin, { recursive: true });
  await link(await realpath(node), join(bin, "node"));
  const basePython = await findBasePython(python);
  if (basePython === undefined) return bin;
  await writeFile(join(folder, "pyvenv.cfg"), `home = ${dirname(basePython)}\ninclude-system-site-packages = false\n`);
  for (const name of ["python3", "python"]) await link(basePython, join(bin, name));
  return bin;
}

/** Returns the path of Python itself, where a version manager or another virtual environment has the given one; undefined if it is not installed. */
async function findBasePython(python: string): Promise<string | undefined> {
  try {
    const code = "import sys; print(getattr(sys, '_base_executable', sys.executable))";
    const { stdout } = await promisify(execFile)(python, ["-c", code], { timeout: 10_000 });
    return stdout.trim();
  } catch {
    return undefined;
  }
}

async function link(target: string, path: string): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, path);
}
