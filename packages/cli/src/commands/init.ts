import { relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { FaasError, type Language, languages } from "@faas/core";
import { type Command, Option } from "commander";
import { checkRef } from "../options/target.ts";
import { endpointNameOf, writeStarter } from "../project/starter.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly runtime?: Language;
  readonly name?: string;
  readonly org: string;
}

const TESTS: Record<Language, string> = {
  node: "npm test",
  typescript: "npm test",
  python: "python3 -m unittest",
};

export function define(command: Command, io: Io): void {
  command
    .argument("[dir]", "folder to write to; made when it is not there", ".")
    .addOption(new Option("--runtime <runtime>", "language (asked for on a terminal)").choices(languages))
    .option("--name <name>", "name of the endpoint (that of the folder)")
    .option("--org <org>", "organization that it is deployed to", "demo")
    .action(async (dir: string) => init(dir, command.optsWithGlobals<Options>(), io));
}

async function init(dir: string, options: Options, io: Io): Promise<void> {
  const folder = resolve(io.cwd, dir);
  const { org, endpoint } = checkRef({ org: options.org, endpoint: options.name ?? endpointNameOf(folder) });
  const runtime = options.runtime ?? (await askRuntime(io));
  const files = await writeStarter({ folder, runtime, org, name: endpoint });
  const to = relative(io.cwd, folder);
  for (const file of files) io.stdout.write(`${to === "" ? file : `${to}/${file}`}\n`);
  printStatus(io, "\nNext:");
  if (to !== "") printStatus(io, `  cd ${to}`);
  printStatus(io, `  ${TESTS[runtime].padEnd(22)} # its test`);
  printStatus(io, `  ${"faas dev".padEnd(22)} # run it here, reload on every save`);
  printStatus(io, `  ${"faas up --detach".padEnd(22)} # a server on this machine`);
  printStatus(io, `  ${"faas deploy".padEnd(22)} # an endpoint, ${org}/${endpoint}`);
}

async function askRuntime(io: Io): Promise<Language> {
  const choices = languages.join(", ");
  const isTerminal = io.stdin.isTTY && io.stderr.isTTY;
  // Not a "terminal" to readline, which would take Ctrl-C away from us.
  const lines = isTerminal && createInterface({ input: io.stdin, terminal: false, signal: io.signal });
  if (lines) {
    const ask = () => io.stderr.write(`Runtime (${choices}): `);
    ask();
    for await (const line of lines) {
      const answer = line.trim().toLowerCase();
      const chosen = languages.find((runtime) => answer !== "" && runtime.startsWith(answer));
      if (chosen) return chosen;
      ask();
    }
  }
  throw new FaasError("USAGE", `Expected --runtime, one of ${choices}`);
}
