import { bashScript } from "./bash.ts";
import type { CompletedCommand } from "./commands.ts";
import { fishScript } from "./fish.ts";
import { zshScript } from "./zsh.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** Generates the completion script of a shell. */
export const completionScript = (commands: readonly CompletedCommand[], shell: Shell): string =>
  ({ bash: bashScript, zsh: zshScript, fish: fishScript })[shell](commands);
