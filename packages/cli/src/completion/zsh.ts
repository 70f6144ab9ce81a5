import type { CompletedCommand, Values } from "./commands.ts";
import { commandPatterns, isListed, listedFlags, valueFlagPatterns } from "./walk.ts";

/** Generates the script for zsh. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const valueFlags = valueFlagPatterns(commands);
  const flagCases = listedFlags(commands).map(
    ({ path, flag }) =>
      `    ${alternatives(flag.spellings.map((each) => `${path} ${each}`))}) ${offer(flag.values)}; return ;;`,
  );
  const flags = commands.map(({ path, flags }) => {
    const items = flags.flatMap(({ spellings, description }) => spellings.map((name) => described(name, description)));
    return `      ${quote(path)}) items=(${items.join(" ")}) ;;`;
  });
  return `#compdef faas
# faas completion for zsh. In ~/.zshrc, after compinit: eval "$(faas completion zsh)"
_faas_names() { faas completion-names "$1" -- "\${(@)words[2,CURRENT-1]}" 2>/dev/null; }
_faas() {
  local command="" count=0 skip="" word
  local -a items
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n $skip ]]; then skip=""; continue; fi
    case "$command $word" in
      ${alternatives(valueFlags)}) skip=1; continue ;;
    esac
    case "$word" in -?*) continue ;; esac
    case "$command $word" in
${commandPatterns(commands)
  .map(({ path, patterns }) => `      ${alternatives(patterns)}) command=${quote(path)} ;;`)
  .join("\n")}
      *) count=$((count + 1)) ;;
    esac
  done
  case "$command \${words[CURRENT-1]}" in
${flagCases.join("\n")}
    ${alternatives(valueFlags)}) _files; return ;;
  esac
  if [[ $PREFIX == -* ]]; then
    case "$command" in
${flags.join("\n")}
    esac
    _describe option items
    return
  fi
  case "$command $count" in
${argumentCases(commands).join("\n")}
    *) _files ;;
  esac
}
compdef _faas faas
`;
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const described = (name: string, text: string) => quote(`${name.replaceAll(":", "\\:")}:${text}`);
const alternatives = (words: readonly string[]) => words.map(quote).join("|");

const wordsOf = ({ words, names }: Values) =>
  [...words.map(quote), ...(names === undefined ? [] : [`\${(f)"$(_faas_names ${names})"}`])].join(" ");

const offer = (values: Values) => `compadd -- ${wordsOf(values)}`;

function argumentCases(commands: readonly CompletedCommand[]): string[] {
  return commands.flatMap(({ path, arguments: all, isVariadic }) =>
    all.flatMap((values, index) => {
      if (!isListed(values)) return [];
      const place = isVariadic && index === all.length - 1 ? `${quote(`${path} `)}*` : quote(`${path} ${index}`);
      if (path !== "") return [`    ${place}) ${offer(values)} ;;`];
      const top = commands.filter((each) => values.words.includes(each.path));
      const items = top.map((each) => described(each.path, each.summary)).join(" ");
      return [`    ${place}) items=(${items}); _describe command items ;;`];
    }),
  );
}
