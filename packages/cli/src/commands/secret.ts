import { FaasError, orgNameProblem, type SecretView, secretNameProblem } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { type SetOptions, setSecrets } from "../secrets/set-secrets.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

interface ListOptions extends GlobalOptions {
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  const set = command
    .command("set")
    .description("Set the value of a secret from standard input, hidden on a terminal")
    .argument("<org>", "Organization")
    .argument("[name]", "Name of the secret: letters, digits and underscores")
    // A value among the arguments gets our own error, which does not repeat it.
    .allowExcessArguments()
    .option("--from-file <file>", "Read the value from a file, unchanged")
    .option("--env-file <file>", "Set a secret per NAME=value line of a file, instead of one by its name")
    .option("--no-wait", "Return when the value is saved, before the endpoints use it")
    .addHelpText(
      "after",
      "\nA value is text of at most 64 KiB. A line break at the end of standard input is removed. Endpoints that use the secret are deployed again.",
    );
  set.action(async (org: string, name: string | undefined) => {
    checkArguments(org, name, set.args.slice(2));
    await setSecrets(org, name, set.optsWithGlobals<SetOptions>(), io);
  });
  const list = command
    .command("list")
    .alias("ls")
    .description("List the secrets of an organization, without their values")
    .argument("<org>", "Organization")
    .addOption(outputOption());
  list.action(async (org: string) => listSecrets(org, list.optsWithGlobals<ListOptions>(), io));
  const remove = command
    .command("remove")
    .alias("rm")
    .description("Remove a secret that no endpoint uses")
    .argument("<org>", "Organization")
    .argument("<name>", "Secret");
  remove.action(async (org: string, name: string) => removeSecret(org, name, remove.optsWithGlobals(), io));
}

/**
 * Checks the arguments. The error does not repeat them: one may be a secret value.
 *
 * @throws USAGE
 */
function checkArguments(org: string, name = "_", more: readonly string[] = []): void {
  const isValue = more.length > 0 || name.includes("=");
  if (isValue)
    throw new FaasError(
      "USAGE",
      "Don't pass a secret's value as an argument: it is now in the shell's history and in the list of processes. Pass it on standard input or with --from-file. If it was a real one, replace it",
    );
  const problem = orgNameProblem(org) ?? secretNameProblem(name);
  if (problem) throw new FaasError("USAGE", problem.replace(/^expected/, "Expected"));
}

async function listSecrets(org: string, options: ListOptions, io: Io): Promise<void> {
  checkArguments(org);
  const secrets = await (await connect(options, io)).secrets(org);
  if (secrets.length === 0 && options.output === "table")
    return printStatus(io, `${org} has no secrets. Create one with "faas secret set ${org} NAME".`);
  await print(secrets, options.output, io, table);
}

function table(secrets: readonly SecretView[]): string {
  const rows = secrets.map(({ name, setAt, endpoints }) => [
    name,
    setAt.slice(0, 16).replace("T", " "),
    endpoints.join(", "),
  ]);
  return columns(["NAME", "SET", "USED BY"], rows);
}

async function removeSecret(org: string, name: string, options: GlobalOptions, io: Io): Promise<void> {
  checkArguments(org, name);
  await (await connect(options, io)).removeSecret(org, name);
  printStatus(io, `Removed the secret ${name} of ${org}.`);
}
