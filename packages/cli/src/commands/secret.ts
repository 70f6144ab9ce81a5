import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  FaasError,
  orgNameProblem,
  type SecretSet,
  type SecretView,
  secretNameProblem,
  secretValueProblem,
} from "@faas/core";
import type { Command } from "commander";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { checkOutcome } from "../deploy/outcome.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";
import { decodeUtf8, promptSecret, readSecretFromStdin } from "../terminal/read-secret.ts";

interface SetOptions extends GlobalOptions {
  readonly fromFile?: string;
  readonly wait: boolean;
}

interface ListOptions extends GlobalOptions {
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  const set = command
    .command("set")
    .description("Set the value of a secret from standard input, hidden on a terminal")
    .argument("<org>", "Organization")
    .argument("<name>", "Name of the secret: letters, digits and underscores")
    // A value among the arguments gets our own error, which does not repeat it.
    .allowExcessArguments()
    .option("--from-file <file>", "Read the value from a file, unchanged")
    .option("--no-wait", "Return when the value is saved, before the endpoints use it")
    .addHelpText(
      "after",
      "\nA value is text of at most 64 KiB. A line break at the end of standard input is removed. Endpoints that use the secret are deployed again.",
    );
  set.action(async (org: string, name: string) =>
    setSecret(org, name, set.args.slice(2), set.optsWithGlobals<SetOptions>(), io),
  );
  const list = command
    .command("list")
    .description("List the secrets of an organization, without their values")
    .argument("<org>", "Organization")
    .addOption(outputOption());
  list.action(async (org: string) => listSecrets(org, list.optsWithGlobals<ListOptions>(), io));
  const remove = command
    .command("remove")
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

async function setSecret(
  org: string,
  name: string,
  more: readonly string[],
  { fromFile, ...options }: SetOptions,
  io: Io,
): Promise<void> {
  checkArguments(org, name, more);
  const client = await connect(options, io);
  const value = await readValue(org, name, fromFile, io);
  const problem = secretValueProblem(value);
  if (problem) throw new FaasError("USAGE", `Invalid value of the secret: ${problem}`);
  const saved = await client.putSecret(org, name, value);
  printStatus(io, `Saved the secret ${name} of ${org}.`);
  if (saved.rolls.length > 0) await rollOut(org, saved, options.wait, client, io);
  else if (!(await isUsed(org, name, client)))
    printStatus(io, `Pass it to a function with "faas deploy --org ${org} --secret ${name}", in the variable ${name}.`);
}

async function readValue(org: string, name: string, fromFile: string | undefined, io: Io): Promise<string> {
  if (fromFile !== undefined) return readText(resolve(io.cwd, fromFile));
  if (!io.stdin.isTTY) return readSecretFromStdin("the value", io);
  return promptSecret(`Value of ${name} for ${org} (hidden): `, io);
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause) => {
    throw new FaasError("USAGE", `Expected the \`--from-file\` option to name a file: ${cause.message}`, { cause });
  });
  return decodeUtf8(bytes, `Expected ${path} to be text in UTF-8. Encode it first, for example in base64`);
}

const isUsed = async (org: string, name: string, client: Client) =>
  (await client.secrets(org)).some((secret) => secret.name === name && secret.endpoints.length > 0);

/**
 * Waits for the endpoints that use the secret.
 *
 * @throws DEPLOY_FAILED when one does not run with the new value
 */
async function rollOut(org: string, { name, rolls }: SecretSet, wait: boolean, client: Client, io: Io): Promise<void> {
  const names = rolls.map(({ endpoint }) => `${org}/${endpoint}`).join(", ");
  printStatus(io, `Deploying it to ${names} …`);
  if (!wait) return;
  const outcomes = await Promise.allSettled(
    rolls.map(async ({ endpoint, revision }) =>
      checkOutcome(await client.waitForRollout({ org, endpoint }, revision), revision),
    ),
  );
  io.signal.throwIfAborted();
  const failed = outcomes.flatMap((outcome, index) =>
    outcome.status === "rejected" ? [{ endpoint: rolls[index]?.endpoint, error: outcome.reason as Error }] : [],
  );
  if (failed.length === 0) return printStatus(io, `${rolls.length > 1 ? "They use" : "It uses"} the new value.`);
  const [{ error } = { error: undefined }] = failed;
  const detail = failed.map(({ endpoint, error }) => `${org}/${endpoint}: ${error.message}`).join("\n");
  throw new FaasError(
    error instanceof FaasError ? error.code : "DEPLOY_FAILED",
    `Not every endpoint runs with the new value of ${name}. Those that failed keep the previous one.\n${detail}`,
    { cause: error, extensions: error instanceof FaasError ? error.extensions : {} },
  );
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
