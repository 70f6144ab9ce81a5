import type { Command } from "commander";
import { serverUrl } from "../client/connect.ts";
import { deleteToken } from "../client/credentials.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";

export function define(command: Command, io: Io): void {
  command
    .addHelpText("after", '\nThe key stays valid. Revoke it with "faas key revoke".')
    .action(async () => logout(command.optsWithGlobals<GlobalOptions>(), io));
}

async function logout(options: GlobalOptions, io: Io): Promise<void> {
  const url = await serverUrl(options, io);
  printStatus(io, (await deleteToken(url, io)) ? `Deleted the saved key for ${url}.` : `No key is saved for ${url}.`);
}
