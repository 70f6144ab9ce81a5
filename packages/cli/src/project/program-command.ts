import { realpath } from "node:fs/promises";
import { delimiter, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of the program that starts the CLI. */
export const programFile = fileURLToPath(new URL("../../bin/faas.js", import.meta.url));

/**
 * Returns a command that runs this CLI in a folder: `faas` when it is on the PATH, `npx faas` when the folder is in a project that has it, and its path
 * otherwise. Elsewhere `npx faas` would download a package of that name, which is not this program.
 *
 * @param program path of the program
 */
export async function programCommand(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
  program = programFile,
): Promise<string> {
  const target = await realpath(program);
  // npm adds folders with the programs of projects to the PATH of the commands that it runs, and of no other.
  const onPath = (env.PATH ?? "")
    .split(delimiter)
    .filter((path) => path !== "" && !path.includes(`node_modules${sep}.bin`));
  if ((await firstProgram(onPath)) === target) return "faas";
  const inProjects = parentsOf(folder).map((parent) => join(parent, "node_modules/.bin"));
  if ((await firstProgram(inProjects)) === target) return "npx faas";
  const isOnPath = onPath.includes(dirname(process.execPath));
  return [isOnPath ? "node" : process.execPath, target].map(quoted).join(" ");
}

/** Returns the file behind the first `faas` in these folders. */
async function firstProgram(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const found = await realpath(join(folder, "faas")).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Lists a folder and the folders above it. */
function parentsOf(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...parentsOf(parent)];
}

const quoted = (path: string) => (/^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
