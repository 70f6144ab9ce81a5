import type { Command } from "commander";
import { serverUrl } from "../client/client.ts";
import { forgetToken } from "../client/credentials.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";

export function define(command: Command, io: Io): void {
  command
    .addHelpText("after", '\nThe key stays good: "faas key revoke" ends it.')
    .action(async () => logout(command.optsWithGlobals<GlobalOptions>(), io));
}

async function logout(options: GlobalOptions, io: Io): Promise<void> {
  const url = await serverUrl(options, io);
  printStatus(io, (await forgetToken(url, io)) ? `Forgot the key for ${url}.` : `There was no key for ${url}.`);
}
