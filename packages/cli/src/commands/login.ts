import { FaasError, keyIdOf, type Whoami } from "@faas/core";
import type { Command } from "commander";
import { Client, serverUrl } from "../client/client.ts";
import { storeCa, storeToken } from "../client/credentials.ts";
import { caFor, warnOfPlainKeys } from "../client/trust.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { askSecret, readSecretFromStdin } from "../terminal/read-secret.ts";

interface Options extends GlobalOptions {
  readonly tokenStdin?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .option("--token-stdin", "read the key from standard input")
    .addHelpText(
      "after",
      "\nThe key is kept for that server in ~/.config/faas/credentials.json, which only you can read. In CI FAAS_TOKEN gives one.",
    )
    .action(async () => login(command.optsWithGlobals<Options>(), io));
}

async function login(options: Options, io: Io): Promise<void> {
  const url = await serverUrl(options, io);
  if (!options.tokenStdin && !io.stdin.isTTY)
    throw new FaasError("USAGE", "Nobody can be asked here: give the key on standard input, with --token-stdin");
  const token = options.tokenStdin
    ? await readSecretFromStdin("a key", io)
    : await askSecret(`Key for ${url} (it does not show): `, io);
  if (keyIdOf(token.trim()) === undefined)
    throw new FaasError(
      "USAGE",
      'Expected a key as "faas key create" prints it (faas_…), got something else, or a part',
    );
  const ca = await caFor(url, options, io);
  warnOfPlainKeys(url, io);
  const whoami = await new Client(url, io.signal, token.trim(), ca).whoami();
  if (whoami.auth === "open") {
    if (ca === undefined) return printStatus(io, `${url} wants no keys; nothing was kept.`);
    return printStatus(
      io,
      `${url} wants no keys. Its certificate is trusted from now on, by ${await storeCa(url, ca, io)}.`,
    );
  }
  const file = await storeToken(url, token.trim(), io, ca);
  printStatus(io, `Logged in to ${url} as ${describe(whoami)}. The key is kept in ${file}.`);
}

function describe({ name, scope, org, expiresAt }: Exclude<Whoami, { auth: "open" }>): string {
  const whose = org === undefined ? "" : ` for ${org}`;
  return `"${name}" (${scope}${whose}${expiresAt === undefined ? "" : `, until ${expiresAt}`})`;
}
