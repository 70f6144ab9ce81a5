import { Argument, type Command } from "commander";
import type { Io } from "../io.ts";
import { createProgram, verbs } from "../program.ts";

export function define(command: Command, io: Io): void {
  command
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      '\nFor bash: eval "$(faas completion bash)" in ~/.bashrc; zsh likewise; fish: faas completion fish | source',
    )
    .action(async (shell: "bash" | "zsh" | "fish") => {
      const program = await createProgram(io, Object.keys(verbs));
      io.stdout.write(scripts[shell](program.commands.map(wordsOf)));
    });
}

interface Words {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly string[];
  /** Its argument is an endpoint: names are asked of the server. */
  readonly endpoints: boolean;
}

function wordsOf(command: Command): Words {
  return {
    name: command.name(),
    summary: command.description(),
    flags: [...command.options.map((option) => option.long ?? ""), "--help"].filter(Boolean),
    endpoints: command.registeredArguments.some((argument) => argument.name().startsWith("org/endpoint")),
  };
}

/** Names of endpoints, and nothing when no server answers. */
const NAMES = `faas list --output json 2>/dev/null | sed -n 's/.*"url": "[a-z]*:\\/\\/[^/]*\\/\\(.*\\)",*$/\\1/p'`;

const scripts = { bash, zsh, fish };

function bash(commands: readonly Words[]): string {
  const cases = commands.map(({ name, flags, endpoints }) => {
    const words = endpoints ? `${flags.join(" ")} $(${NAMES})` : flags.join(" ");
    return `    ${name}) words="${words}" ;;`;
  });
  return `_faas() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${commands.map(({ name }) => name).join(" ")}"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _faas faas
`;
}

function zsh(commands: readonly Words[]): string {
  return `autoload -Uz bashcompinit && bashcompinit\n${bash(commands)}`;
}

function fish(commands: readonly Words[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap(({ name, summary, flags, endpoints }) => [
    `complete -c faas -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
    ...flags.map((flag) => `complete -c faas -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}`),
    ...(endpoints
      ? [`complete -c faas -n '__fish_seen_subcommand_from ${name}' -f -a "(${NAMES.replaceAll('"', '\\"')})"`]
      : []),
  ]);
  return `${lines.join("\n")}\n`;
}
