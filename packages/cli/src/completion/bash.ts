import type { CompletedCommand, Values } from "./commands.ts";
import { commandPatterns, isListed, listedFlags, valueFlagPatterns } from "./walk.ts";

/** Generates the script for bash. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const alternatives = (words: readonly string[]) => words.map((word) => `"${word}"`).join("|");
  const valueFlags = valueFlagPatterns(commands);
  const flagCases = listedFlags(commands).map(
    ({ path, flag }) =>
      `    ${alternatives(flag.spellings.map((each) => `${path} ${each}`))}) ${offer(flag.values)} ;;`,
  );
  const flags = commands.map(
    ({ path, flags }) => `      "${path}") flags="${flags.flatMap((flag) => flag.spellings).join(" ")}" ;;`,
  );
  return `# faas completion for bash. In ~/.bashrc: eval "$(faas completion bash)"
_faas_names() { faas completion-names "$1" -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null; }
_faas() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="" count=0 skip="" word flags="" others=""
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$skip" ]; then skip=""; continue; fi
    case "$command $word" in
      ${alternatives(valueFlags)}) skip=1; continue ;;
    esac
    case "$word" in -?*) continue ;; esac
    case "$command $word" in
${commandPatterns(commands)
  .map(({ path, patterns }) => `      ${alternatives(patterns)}) command="${path}" ;;`)
  .join("\n")}
      *) count=$((count + 1)) ;;
    esac
  done
  case "$command $previous" in
${flagCases.join("\n")}
    ${alternatives(valueFlags)}) return ;;
  esac
  case "$current" in
    -*)
      case "$command" in
${flags.join("\n")}
      esac
      COMPREPLY=($(compgen -W "$flags" -- "$current"))
      return ;;
  esac
  case "$command $count" in
${argumentCases(commands).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$others" -- "$current"))
}
complete -o default -F _faas faas
`;
}

const wordsOf = ({ words, names }: Values) =>
  [...words, ...(names === undefined ? [] : [`$(_faas_names ${names})`])].join(" ");

const offer = (values: Values) => `COMPREPLY=($(compgen -W "${wordsOf(values)}" -- "$current")); return`;

function argumentCases(commands: readonly CompletedCommand[]): string[] {
  return commands.flatMap(({ path, arguments: all, isVariadic }) =>
    all.flatMap((values, index) => {
      if (!isListed(values)) return [];
      const place = isVariadic && index === all.length - 1 ? `"${path} "*` : `"${path} ${index}"`;
      return [`    ${place}) others="${wordsOf(values)}" ;;`];
    }),
  );
}
