import { PassThrough } from "node:stream";
import type { Command } from "commander";
import { createProgram, verbs } from "../../packages/cli/src/program.ts";

/** docs/cli.md, made from the program itself; `npm run docs` writes it. */
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
  const program = await createProgram(io, Object.keys(verbs));
  const pages = program.commands.filter((command) => command.name() !== "help").map((command) => page(command));
  return `# The \`faas\` command

Made from the program by \`npm run docs\`; do not edit.

Data goes to stdout, all talk to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C. \`--server URL\` (or FAAS_SERVER, or \`server\`
in \`faas.json\`; default http://127.0.0.1:8887) says where the control server is; \`--verbose\` shows stack traces; NO_COLOR is obeyed. Durations are written
\`300ms 30s 5m\`, sizes \`128Mi\`, CPU \`100m\`. [errors.md](errors.md) explains the error codes.

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
