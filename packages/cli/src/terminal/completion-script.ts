import type { Command } from "commander";

export type Shell = "bash" | "zsh" | "fish";

/** Generates the completion script of a shell from the program's commands and options. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = program.commands.map((command) => completionsOf(command, program));
  return { bash, zsh, fish }[shell](commands);
}

interface Flag {
  readonly name: string;
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

interface Completions {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** True when the argument is an endpoint: the server lists the names. */
  readonly endpoints: boolean;
  /** Values of the argument. */
  readonly choices: readonly string[];
}

/** Collects the completions of a command. A command with subcommands completes to their names and to the options of all of them. */
function completionsOf(command: Command, program: Command): Completions {
  const options = [command, ...command.commands, program].flatMap((each) => each.options);
  const flags = options.flatMap(({ long, description, required, argChoices }) =>
    long && long !== "--version" ? [{ name: long, description, takesValue: required, choices: argChoices ?? [] }] : [],
  );
  const [argument] = command.registeredArguments;
  return {
    name: command.name(),
    summary: command.description(),
    flags: [...flags, { name: "--help", description: "Show help", takesValue: false, choices: [] }],
    endpoints: argument?.name().startsWith("org/endpoint") ?? false,
    choices: argument?.argChoices ?? command.commands.map((each) => each.name()),
  };
}

/** Shell command that prints a line per endpoint, and nothing when no server responds. */
const LIST_ENDPOINTS = `faas list --output json 2>/dev/null | sed -n 's/.*"url": "[a-z]*:\\/\\/[^/]*\\/\\([^"]*\\)".*/\\1/p'`;

const names = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name).join(" ");

/** Returns the branches of `case "$command $previous"`: choices of options that have them, files for other options with a value. */
function valueCases(
  commands: readonly Completions[],
  offer: (choices: readonly string[]) => string,
  file: string,
): string[] {
  return commands.flatMap(({ name, flags }) => {
    const open = flags.filter(({ takesValue, choices }) => takesValue && choices.length === 0);
    const chosen = flags.filter(({ choices }) => choices.length > 0);
    return [
      ...chosen.map((flag) => `    "${name} ${flag.name}") ${offer(flag.choices)} ;;`),
      ...(open.length > 0 ? [`    ${open.map((flag) => `"${name} ${flag.name}"`).join("|")}) ${file} ;;`] : []),
    ];
  });
}

function bash(commands: readonly Completions[]): string {
  const values = valueCases(
    commands,
    (choices) => `COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$current")); return`,
    "return",
  );
  const cases = commands.map(({ name, flags, endpoints, choices }) => {
    const others = endpoints ? "$(_faas_endpoints)" : choices.join(" ");
    return `    ${name}) flags="${names(flags)}" others="${others}" ;;`;
  });
  return `# faas completion for bash. In ~/.bashrc: eval "$(faas completion bash)"
_faas_endpoints() { ${LIST_ENDPOINTS}; }
_faas() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" word flags="" others=""
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in ${commands.map(({ name }) => name).join("|")}) command="$word"; break ;; esac
  done
  case "$command $previous" in
${values.join("\n")}
  esac
  case "$command" in
${cases.join("\n")}
    *) flags="--help --version" others="${names(commands)}" ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$others" -- "$current")) ;;
  esac
}
complete -o default -F _faas faas
`;
}

function zsh(commands: readonly Completions[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const described = (name: string, text: string) => quote(`${name.replaceAll(":", "\\:")}:${text}`);
  const values = valueCases(commands, (choices) => `compadd -- ${choices.join(" ")}; return`, "_files; return");
  const cases = commands.map(({ name, flags, endpoints, choices }) => {
    const others = endpoints
      ? "compadd -- $" + '{(f)"$(_faas_endpoints)"}'
      : choices.length > 0
        ? `compadd -- ${choices.join(" ")}`
        : "_files";
    const list = flags.map((flag) => described(flag.name, flag.description)).join(" ");
    return `    ${name}) if [[ $PREFIX == -* ]]; then items=(${list}); _describe option items; else ${others}; fi ;;`;
  });
  return `#compdef faas
# faas completion for zsh. In ~/.zshrc, after compinit: eval "$(faas completion zsh)"
_faas_endpoints() { ${LIST_ENDPOINTS}; }
_faas() {
  local command="" word
  local -a items
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in ${commands.map(({ name }) => name).join("|")}) command="$word"; break ;; esac
  done
  case "$command \${words[CURRENT-1]}" in
${values.join("\n")}
  esac
  case "$command" in
${cases.join("\n")}
    *) items=(${commands.map(({ name, summary }) => described(name, summary)).join(" ")}); _describe command items ;;
  esac
}
compdef _faas faas
`;
}

function fish(commands: readonly Completions[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap(({ name, summary, flags, endpoints, choices }) => {
    const within = `complete -c faas -n '__fish_seen_subcommand_from ${name}'`;
    const others = endpoints ? "'(__faas_endpoints)'" : choices.length > 0 ? quote(choices.join(" ")) : undefined;
    return [
      `complete -c faas -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
      ...flags.map((flag) => {
        const values =
          flag.choices.length > 0 ? ` -x -a ${quote(flag.choices.join(" "))}` : flag.takesValue ? " -r" : "";
        return `${within} -l ${flag.name.slice(2)}${values} -d ${quote(flag.description)}`;
      }),
      ...(others === undefined ? [] : [`${within} -f -a ${others}`]),
    ];
  });
  return `# faas completion for fish. In ~/.config/fish/config.fish: faas completion fish | source
function __faas_endpoints
  ${LIST_ENDPOINTS}
end
${lines.join("\n")}
`;
}
