import { FaasError, keyIdOf, type Whoami } from "@faas/core";
import type { Command } from "commander";
import { Client } from "../client/client.ts";
import { serverUrl } from "../client/connect.ts";
import { storeCa, storeToken } from "../client/credentials.ts";
import { caFor, warnIfKeyIsUnencrypted } from "../client/trust.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { promptSecret, readSecretFromStdin } from "../terminal/read-secret.ts";

interface Options extends GlobalOptions {
  readonly tokenStdin?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .option("--token-stdin", "Read the key from standard input")
    .addHelpText(
      "after",
      "\nThe key is saved per server in ~/.config/faas/credentials.json, which only you can read. In CI, set FAAS_TOKEN instead.",
    )
    .action(async () => login(command.optsWithGlobals<Options>(), io));
}

async function login(options: Options, io: Io): Promise<void> {
  const url = await serverUrl(options, io);
  if (!options.tokenStdin && !io.stdin.isTTY)
    throw new FaasError("USAGE", "Not a terminal: pass the key on standard input with --token-stdin");
  const token = options.tokenStdin
    ? await readSecretFromStdin("a key", io)
    : await promptSecret(`Key for ${url} (hidden): `, io);
  if (keyIdOf(token.trim()) === undefined)
    throw new FaasError("USAGE", 'Expected a complete key as "faas key create" prints it (faas_…), got something else');
  const ca = await caFor(url, options, io);
  warnIfKeyIsUnencrypted(url, io);
  const whoami = await new Client(url, io.signal, token.trim(), ca).whoami();
  if (whoami.auth === "open") {
    if (ca === undefined) return printStatus(io, `${url} requires no keys. Nothing was saved.`);
    return printStatus(
      io,
      `${url} requires no keys. Its certificate authority is saved in ${await storeCa(url, ca, io)}.`,
    );
  }
  const file = await storeToken(url, token.trim(), io, ca);
  printStatus(io, `Logged in to ${url} as ${describe(whoami)}. The key is saved in ${file}.`);
}

function describe({ name, scope, org, expiresAt }: Exclude<Whoami, { auth: "open" }>): string {
  const owner = org === undefined ? "" : ` for ${org}`;
  return `"${name}" (${scope}${owner}${expiresAt === undefined ? "" : `, until ${expiresAt}`})`;
}
