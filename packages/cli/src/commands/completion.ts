import { Argument, type Command } from "commander";
import { completedCommands } from "../completion/commands.ts";
import { completionScript, type Shell, shells } from "../completion/script.ts";
import type { Io } from "../terminal/io.ts";

export function define(command: Command, io: Io, loadProgram: () => Promise<Command>): void {
  command
    .addArgument(new Argument("<shell>", "Shell").choices(shells))
    .addHelpText(
      "after",
      '\nbash, in ~/.bashrc:  eval "$(faas completion bash)"\nzsh, in ~/.zshrc:    eval "$(faas completion zsh)"\nfish:                faas completion fish | source',
    )
    .action(async (shell: Shell) => {
      io.stdout.write(completionScript(completedCommands(await loadProgram()), shell));
    });
}
