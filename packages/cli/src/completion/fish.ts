import type { CompletedCommand, Values } from "./commands.ts";
import { commandPatterns, isListed, valueFlagPatterns } from "./walk.ts";

/** Generates the script for fish. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  return `# faas completion for fish. In ~/.config/fish/config.fish: faas completion fish | source
function __faas_names
  set -l words (commandline -opc)
  set -e words[1]
  faas completion-names $argv[1] -- $words 2>/dev/null
end
function __faas_state
  set -l words (commandline -opc)
  set -e words[1]
  set -l command ""
  set -l count 0
  set -l skip 0
  for word in $words
    if test $skip = 1
      set skip 0
      continue
    end
    if contains -- "$command $word" ${valueFlagPatterns(commands).map(quote).join(" ")}
      set skip 1
      continue
    end
    string match -q -- '-?*' $word; and continue
    switch "$command $word"
${commandPatterns(commands)
  .map(({ path, patterns }) => `      case ${patterns.map(quote).join(" ")}\n        set command ${quote(path)}`)
  .join("\n")}
      case '*'
        set count (math $count + 1)
    end
  end
  echo "$command $count"
end
function __faas_in
  string match -q -- "$argv[1] *" (__faas_state); or return 1
  string match -q -r -- '^[0-9]+$' (string sub -s (math (string length -- $argv[1]) + 2) -- (__faas_state))
end
function __faas_at
  test (__faas_state) = "$argv[1] $argv[2]"
end
complete -c faas -f
${commands.flatMap((command) => [...flagLines(command), ...argumentLines(command, commands)]).join("\n")}
`;
}

const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

const condition = (test: string, ...words: readonly string[]) =>
  `complete -c faas -n ${quote([test, ...words.map(quote)].join(" "))}`;

const wordsOf = ({ words, names }: Values) =>
  quote([...words, ...(names === undefined ? [] : [`(__faas_names ${names})`])].join(" "));

function flagLines({ path, flags }: CompletedCommand): string[] {
  return flags.map(({ spellings, description, values }) => {
    const names = spellings.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
    const value = values === undefined ? "" : isListed(values) ? ` -x -a ${wordsOf(values)}` : " -r -F";
    return `${condition("__faas_in", path)} ${names.join(" ")}${value} -d ${quote(description)}`;
  });
}

function argumentLines(
  { path, arguments: all, isVariadic }: CompletedCommand,
  commands: readonly CompletedCommand[],
): string[] {
  const places = all.flatMap((values, index) => {
    const place =
      isVariadic && index === all.length - 1
        ? condition("__faas_in", path)
        : condition("__faas_at", path, String(index));
    if (!isListed(values)) return [`${place} -F`];
    if (path !== "") return [`${place} -a ${wordsOf(values)}`];
    const top = commands.filter((each) => values.words.includes(each.path));
    return top.map((each) => `${place} -a ${quote(each.path)} -d ${quote(each.summary)}`);
  });
  return places;
}
