import { relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { endpointNameProblem, FaasError, type Runtime, runtimes } from "@faas/core";
import { type Command, Option } from "commander";
import type { GlobalOptions, Io } from "../io.ts";
import { say } from "../output.ts";
import { endpointNameOf, writeStarter } from "../starter.ts";

interface Options extends GlobalOptions {
  readonly runtime?: Runtime;
  readonly name?: string;
  readonly org: string;
}

const TESTS: Record<Runtime, string> = { node: "npm test", typescript: "npm test", python: "python3 -m unittest" };

export function define(command: Command, io: Io): void {
  command
    .argument("[dir]", "folder to write to; made when it is not there", ".")
    .addOption(new Option("--runtime <runtime>", "language").choices(runtimes))
    .option("--name <name>", "name of the endpoint (default: the folder's)")
    .option("--org <org>", "organization", "demo")
    .action(async (dir: string) => init(dir, command.optsWithGlobals<Options>(), io));
}

async function init(dir: string, options: Options, io: Io): Promise<void> {
  const folder = resolve(io.cwd, dir);
  const name = options.name ?? endpointNameOf(folder);
  const problem = endpointNameProblem(name);
  if (problem) throw new FaasError("USAGE", `Expected the \`--name\` option to be a name: ${problem}`);
  const runtime = options.runtime ?? (await askRuntime(io));
  const files = await writeStarter({ folder, runtime, org: options.org, name });
  for (const file of files) io.stdout.write(`${relative(io.cwd, resolve(folder, file))}\n`);
  const shown = relative(io.cwd, folder) || ".";
  say(io, `\nWritten. Next:\n  (cd ${shown} && ${TESTS[runtime]})\n  faas dev ${shown}\n  faas deploy ${shown}`);
}

async function askRuntime(io: Io): Promise<Runtime> {
  if (!io.stdin.isTTY) throw new FaasError("USAGE", `Expected --runtime to be one of ${runtimes.join(", ")}`);
  const terminal = createInterface({ input: io.stdin, output: io.stderr });
  try {
    for (;;) {
      const answer = (await terminal.question(`Runtime (${runtimes.join(", ")}): `, { signal: io.signal })).trim();
      if (runtimes.includes(answer as Runtime)) return answer as Runtime;
    }
  } finally {
    terminal.close();
  }
}
