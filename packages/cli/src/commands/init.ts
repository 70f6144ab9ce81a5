import { relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { FaasError, type Language, languages } from "@faas/core";
import type { Command } from "commander";
import { checkRef } from "../options/target.ts";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import { programCommand } from "../project/program-command.ts";
import { endpointNameOf, writeStarter } from "../project/starter.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly runtime?: Language;
  readonly name?: string;
  readonly org: string;
  readonly mcp?: boolean;
}

const TESTS: Record<Language, string> = {
  node: "npm test",
  typescript: "npm test",
  python: "python3 -m unittest",
};

export function define(command: Command, io: Io): void {
  command
    .argument("[dir]", "Folder to write to, created if missing", ".")
    .addOption(
      optionWithLaterDefault("--runtime <runtime>", "Language of the function", "asked on a terminal").choices(
        languages,
      ),
    )
    .addOption(optionWithLaterDefault("--name <name>", "Name of the endpoint", "name of the folder"))
    .option("--org <org>", "Organization to deploy to", "demo")
    .option("--mcp", "Create a server of the Model Context Protocol, for agents, in node or python")
    .action(async (dir: string) => init(dir, command.optsWithGlobals<Options>(), io));
}

async function init(dir: string, options: Options, io: Io): Promise<void> {
  const folder = resolve(io.cwd, dir);
  const { org, endpoint } = checkRef({ org: options.org, endpoint: options.name ?? endpointNameOf(folder) });
  const runtime = options.runtime ?? (await promptRuntime(io));
  const files = await writeStarter({ folder, runtime, org, name: endpoint, isMcp: options.mcp === true });
  const to = relative(io.cwd, folder);
  for (const file of files) io.stdout.write(`${to === "" ? file : `${to}/${file}`}\n`);
  const faas = await programCommand(folder, io.env);
  const steps = [
    ...(to === "" ? [] : [[`cd ${to}`]]),
    [TESTS[runtime], "run its test"],
    [`${faas} dev`, "run it locally, reload on every save"],
    [`${faas} up --detach`, "start a server on this machine"],
    [`${faas} deploy`, `deploy it as ${org}/${endpoint}`],
  ];
  const width = Math.max(...steps.map(([command = ""]) => command.length));
  printStatus(io, "\nNext:");
  for (const [command = "", purpose] of steps)
    printStatus(io, purpose === undefined ? `  ${command}` : `  ${command.padEnd(width)} # ${purpose}`);
}

async function promptRuntime(io: Io): Promise<Language> {
  const choices = languages.join(", ");
  const isTerminal = io.stdin.isTTY && io.stderr.isTTY;
  // With `terminal: true` readline would catch Ctrl-C.
  const lines = isTerminal && createInterface({ input: io.stdin, terminal: false, signal: io.signal });
  if (lines) {
    const ask = () => io.stderr.write(`Runtime (${choices}): `);
    ask();
    for await (const line of lines) {
      const reply = line.trim().toLowerCase();
      const chosen = languages.find((runtime) => reply !== "" && runtime.startsWith(reply));
      if (chosen) return chosen;
      ask();
    }
  }
  throw new FaasError("USAGE", `Expected --runtime, one of ${choices}`);
}
