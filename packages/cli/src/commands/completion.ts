import { Argument, type Command } from "commander";
import { createProgram, verbs } from "../program.ts";
import { completionScript, type Shell } from "../terminal/completion-scripts.ts";
import type { Io } from "../terminal/io.ts";

export function define(command: Command, io: Io): void {
  command
    .addArgument(new Argument("<shell>", "whose script").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      '\nbash, in ~/.bashrc:  eval "$(faas completion bash)"\nzsh, in ~/.zshrc:    eval "$(faas completion zsh)"\nfish:                faas completion fish | source',
    )
    .action(async (shell: Shell) => {
      const program = await createProgram(io, Object.keys(verbs));
      io.stdout.write(completionScript(program, shell));
    });
}
