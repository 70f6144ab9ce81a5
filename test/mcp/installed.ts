import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { runProgram, tempDir } from "@faas/testing";

/** Packages of the protocol that the tests compare the server with. Nothing but these tests needs them. */
const NODE_PACKAGES = [
  "@modelcontextprotocol/client@2.4.0",
  "@modelcontextprotocol/conformance@0.1.16",
  "@modelcontextprotocol/sdk@1.32.2",
];
const PYTHON_PACKAGE = "mcp==2.3.0";

/** Installs the packages for Node, and returns the folder, which has the clients too. */
export async function installNodeClients(): Promise<string> {
  const folder = tempDir("mcp-node");
  await cp(join(import.meta.dirname, "clients"), folder, { recursive: true });
  const options = ["--no-audit", "--no-fund", "--no-save", "--loglevel=error"];
  await succeed("npm", ["install", ...options, "--prefix", folder, ...NODE_PACKAGES], folder);
  return folder;
}

/** Installs the package for Python, and returns the interpreter. */
export async function installPythonClient(): Promise<string> {
  const folder = tempDir("mcp-python");
  await succeed("python3", ["-m", "venv", folder], folder);
  await succeed(join(folder, "bin/pip"), ["install", "--quiet", PYTHON_PACKAGE], folder);
  return join(folder, "bin/python");
}

/** Runs a program, and returns its output. */
export async function succeed(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { code, output } = await runProgram(program, args, { cwd, env });
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${output}`);
  return output;
}
