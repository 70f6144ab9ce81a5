import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

// Checks the sources of the Python wrapper with ruff, mypy and pytest: `npm run test:python`.

const folder = import.meta.dirname;
const venv = join(folder, ".venv");
const bin = join(venv, "bin");
const checks = [
  ["ruff", "check", "--quiet", "."],
  ["ruff", "format", "--quiet", "--diff", "."],
  ["mypy"],
  ["pytest"],
] as const;

/** Creates a virtual environment with the pinned tools, unless there is one for the same tools and interpreter. */
async function installTools(): Promise<void> {
  const python = process.env.FAAS_PYTHON ?? "python3";
  const requirements = join(folder, "requirements-dev.txt");
  const { stdout: version } = await promisify(execFile)(python, [
    "-c",
    "import sys; print(sys.version, sys.executable)",
  ]);
  const wanted = `${version}${await readFile(requirements, "utf8")}`;
  const installed = join(venv, "installed");
  if (wanted === (await readFile(installed, "utf8").catch(() => undefined))) return;
  await rm(venv, { recursive: true, force: true });
  await promisify(execFile)(python, ["-m", "venv", venv]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements];
  await promisify(execFile)(join(bin, "python"), pip);
  await writeFile(installed, wanted);
}

/** Runs a program of the environment in the package's folder. Resolves to true if it succeeds. */
async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
  const [code] = await once(spawn(join(bin, program), args, { cwd: folder, env, stdio: "inherit" }), "exit");
  return code === 0;
}

await installTools();
const failed: string[] = [];
for (const [program, ...args] of checks) {
  if (!(await succeeds(program, args))) failed.push([program, ...args].join(" "));
}
if (failed.length > 0) {
  process.stderr.write(`Failed: ${failed.join(", ")}\n`);
  process.exitCode = 1;
}
