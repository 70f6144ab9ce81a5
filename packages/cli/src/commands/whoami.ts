import type { Whoami } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { type OutputFormat, outputOption, print } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command.addOption(outputOption()).action(async () => {
    const options = command.optsWithGlobals<Options>();
    const client = await connect(options, io);
    await print(await client.whoami(), options.output, io, (whoami) => table(client.url, whoami));
  });
}

function table(server: string, whoami: Whoami): string {
  const rows =
    whoami.auth === "open"
      ? [["key", "not required"]]
      : [
          ["key", whoami.name],
          ["scope", whoami.scope],
          ...(whoami.org === undefined ? [] : [["organization", whoami.org]]),
          ["expires", whoami.expiresAt ?? "never"],
        ];
  return [["server", server], ...rows].map(([name = "", value]) => `${name.padEnd(12)}  ${value}\n`).join("");
}
