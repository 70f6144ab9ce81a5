import type { Argument, Command, Option } from "commander";

/** Kinds of names that a server has, which `faas completion-names` prints. */
export const nameKinds = ["orgs", "endpoints", "revisions", "secrets", "calls", "schedules"] as const;
export type NameKind = (typeof nameKinds)[number];

/** Possible values at a place of the command line: words, names that the server has, or anything, such as a file, when both are empty. */
export interface Values {
  readonly words: readonly string[];
  readonly names?: NameKind;
}

export interface Flag {
  /** Long name, then the short one if there is one. */
  readonly spellings: readonly string[];
  readonly description: string;
  /** Absent for an option without a value. */
  readonly values?: Values;
}

/** A command, or a command with subcommands. */
export interface CompletedCommand {
  /** Words of the command, such as "secret set". */
  readonly path: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly arguments: readonly Values[];
  /** True when the last argument may be repeated. */
  readonly isVariadic: boolean;
}

/** Collects what the program's commands can be completed with. The first is the program itself, whose path is empty. */
export function completedCommands(program: Command): CompletedCommand[] {
  return [program, ...visible(program).flatMap((command) => [command, ...visible(command)])].map((command) =>
    completedCommand(command, program),
  );
}

const visible = (command: Command) =>
  command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== "help");

function completedCommand(command: Command, program: Command): CompletedCommand {
  const path = pathOf(command, program);
  const options = command === program ? program.options : [...command.options, ...program.options];
  const shown = options.filter(({ long, hidden }) => long && !hidden && (command === program || long !== "--version"));
  const subcommands = visible(command).map((each) => each.name());
  const given = command.registeredArguments.map((argument) => valuesOf(argument, path));
  const [first = { words: [] }, ...rest] = given;
  return {
    path,
    aliases: command.aliases(),
    summary: command.description(),
    flags: [...shown.map(flagOf), { spellings: ["--help", "-h"], description: "Show help" }],
    arguments: subcommands.length > 0 ? [{ ...first, words: [...first.words, ...subcommands] }, ...rest] : given,
    isVariadic: command.registeredArguments.at(-1)?.variadic ?? false,
  };
}

function pathOf(command: Command, program: Command): string {
  if (command === program) return "";
  const parent = command.parent as Command;
  return [...(parent === program ? [] : [parent.name()]), command.name()].join(" ");
}

function valuesOf(argument: Argument, path: string): Values {
  const name = argument.name();
  const words = argument.argChoices ?? [];
  if (/^org\[?\/endpoint/.test(name)) return { words, names: "endpoints" };
  if (name === "org/id") return { words, names: "calls" };
  if (name === "org") return { words, names: "orgs" };
  if (name.startsWith("revision")) return { words, names: "revisions" };
  if (name === "schedule") return { words, names: "schedules" };
  if (name === "name" && path.startsWith("secret ")) return { words, names: "secrets" };
  return { words };
}

/** Kinds of names that options take. */
const OPTION_NAMES: Partial<Record<string, NameKind>> = { "--org": "orgs", "--secret": "secrets" };

function flagOf({ long, short, description, required, argChoices }: Option): Flag {
  const spellings = [long as string, ...(short === undefined ? [] : [short])];
  if (!required) return { spellings, description };
  const names = OPTION_NAMES[long as string];
  return { spellings, description, values: { words: argChoices ?? [], ...(names === undefined ? {} : { names }) } };
}
