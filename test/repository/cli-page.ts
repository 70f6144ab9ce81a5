import { PassThrough } from "node:stream";
import type { Command } from "commander";
import { commands, createProgram } from "../../packages/cli/src/program.ts";

/** Generates docs/cli.md from the program; `npm run docs` writes it. */
export async function cliPage(): Promise<string> {
  const io = {
    stdout: Object.assign(new PassThrough(), { columns: 100 }),
    stderr: new PassThrough(),
    stdin: new PassThrough(),
    env: {},
    cwd: "/",
    signal: new AbortController().signal,
    exitCode: 0,
  };
  const program = await createProgram(io, Object.keys(commands));
  const shown = program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== "help");
  const pages = shown.map((command) => page(command));
  return `# The \`faas\` command

Generated from the program by \`npm run docs\`; do not edit.

Data goes to stdout; status, warnings and errors go to stderr.
Exit codes: 0 for success, 1 for a failure, 2 for wrong usage, 130 after Ctrl-C.
\`--server URL\` (or FAAS_SERVER, or \`server\` in \`faas.json\`) selects the control server.
\`--verbose\` shows stack traces, and NO_COLOR turns colors off.
Write durations as \`300ms\`, \`30s\` or \`5m\`, sizes as \`128Mi\` and CPU as \`100m\`.
[errors.md](errors.md) explains the error codes.

\`\`\`text
${program.helpInformation().trim()}
\`\`\`

${pages.join("\n")}`;
}

function page(command: Command, parents = "faas"): string {
  const name = `${parents} ${command.name()}`;
  const own = `## ${name}\n\n\`\`\`text\n${command.helpInformation().trim()}\n\`\`\`\n`;
  const subcommands = command.commands.filter((each) => each.name() !== "help");
  return [own, ...subcommands.map((each) => page(each, name))].join("\n");
}
