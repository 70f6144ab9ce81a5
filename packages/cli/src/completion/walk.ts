import type { CompletedCommand, Flag, Values } from "./commands.ts";

/**
 * Parts that the scripts share. Each script walks over the words before the cursor: `command` is the command until then, such as "secret set", and
 * `count` the number of its arguments.
 */

/** Returns the words of a flag with a value, with the commands that have it, as in "deploy --org". */
export const valueFlagPatterns = (commands: readonly CompletedCommand[]): string[] =>
  commands.flatMap(({ path, flags }) =>
    flags.flatMap(({ spellings, values }) => (values ? spellings.map((spelling) => `${path} ${spelling}`) : [])),
  );

/** Returns the words that lead to each command, aliases included, as the walk sees them: the command before, and the word. */
export const commandPatterns = (commands: readonly CompletedCommand[]) =>
  commands
    .filter(({ path }) => path !== "")
    .map(({ path, aliases }) => {
      const words = path.split(" ");
      const parent = words.slice(0, -1).join(" ");
      return { path, patterns: [words.at(-1) as string, ...aliases].map((word) => `${parent} ${word}`) };
    });

/** A flag whose value has a list, and the command that has the flag. */
export interface ListedFlag {
  readonly path: string;
  readonly flag: Flag & { readonly values: Values };
}

/** Returns the flags with values that can be listed. Others take files, or text. */
export const listedFlags = (commands: readonly CompletedCommand[]): ListedFlag[] =>
  commands.flatMap(({ path, flags }) =>
    flags.flatMap((flag) => (flag.values && isListed(flag.values) ? [{ path, flag: flag as ListedFlag["flag"] }] : [])),
  );

/** Returns true when the values can be listed. */
export const isListed = ({ words, names }: Values): boolean => words.length > 0 || names !== undefined;
