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
import { type Client, connect } from "../client/client.ts";
import { checkOutcome } from "../deploy/outcome.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";
import { askSecret, readSecretFromStdin } from "../terminal/read-secret.ts";

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
    .description("give a secret a value: from standard input, which a terminal does not show")
    .argument("<org>", "the organization")
    .argument("<name>", "letters, digits and underscores")
    // A value that is given as one is refused by us, who do not repeat it.
    .allowExcessArguments()
    .option("--from-file <file>", "read the value from a file, as it is")
    .option("--no-wait", "return when it is kept, before the endpoints that use it have it")
    .addHelpText(
      "after",
      "\nA value is text of at most 64 KiB. From standard input it comes without the line break at its end. Endpoints that use the secret are deployed anew with it.",
    );
  set.action(async (org: string, name: string) =>
    setSecret(org, name, set.args.slice(2), set.optsWithGlobals<SetOptions>(), io),
  );
  const list = command
    .command("list")
    .description("list the secrets of an organization: names, never values")
    .argument("<org>", "the organization")
    .addOption(outputOption());
  list.action(async (org: string) => listSecrets(org, list.optsWithGlobals<ListOptions>(), io));
  const remove = command
    .command("remove")
    .description("remove a secret that no endpoint uses")
    .argument("<org>", "the organization")
    .argument("<name>", "the secret");
  remove.action(async (org: string, name: string) => removeSecret(org, name, remove.optsWithGlobals(), io));
}

/** Nothing that is wrong is repeated: it may be a value. */
function check(org: string, name = "_", more: readonly string[] = []): void {
  const isValue = more.length > 0 || name.includes("=");
  if (isValue)
    throw new FaasError(
      "USAGE",
      "A secret's value is no argument: it would be in the shell's history and in every list of processes. Give it on standard input or with --from-file, and if this was a real one, take another",
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
  check(org, name, more);
  const client = await connect(options, io);
  const value = await readValue(org, name, fromFile, io);
  const problem = secretValueProblem(value);
  if (problem) throw new FaasError("USAGE", `In the value of the secret: ${problem}`);
  const kept = await client.putSecret(org, name, value);
  printStatus(io, `Kept the secret ${name} of ${org}.`);
  if (kept.rolls.length > 0) await rolled(org, kept, options.wait, client, io);
  else if (!(await isUsed(org, name, client)))
    printStatus(io, `"faas deploy --org ${org} --secret ${name}" gives it to a function, in the variable ${name}.`);
}

async function readValue(org: string, name: string, fromFile: string | undefined, io: Io): Promise<string> {
  if (fromFile !== undefined) return readText(resolve(io.cwd, fromFile));
  if (!io.stdin.isTTY) return readSecretFromStdin("the value", io);
  return askSecret(`Value of ${name} for ${org} (it does not show): `, io);
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause) => {
    throw new FaasError("USAGE", `Expected the \`--from-file\` option to name a file: ${cause.message}`, { cause });
  });
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FaasError("USAGE", `Expected ${path} to be text in UTF-8: encode it first, in base64 for instance`);
  }
}

const isUsed = async (org: string, name: string, client: Client) =>
  (await client.secrets(org)).some((secret) => secret.name === name && secret.endpoints.length > 0);

/** Waits for each endpoint that uses it. DEPLOY_FAILED when one does not run with the new value. */
async function rolled(org: string, { name, rolls }: SecretSet, wait: boolean, client: Client, io: Io): Promise<void> {
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
  if (failed.length === 0) return printStatus(io, `${rolls.length > 1 ? "They have" : "It has"} it.`);
  const [{ error } = { error: undefined }] = failed;
  const detail = failed.map(({ endpoint, error }) => `${org}/${endpoint}: ${error.message}`).join("\n");
  throw new FaasError(
    error instanceof FaasError ? error.code : "DEPLOY_FAILED",
    `With the new value of ${name} not everything runs, and what ran before goes on with the former one.\n${detail}`,
    { cause: error, extensions: error instanceof FaasError ? error.extensions : {} },
  );
}

async function listSecrets(org: string, options: ListOptions, io: Io): Promise<void> {
  check(org);
  const secrets = await (await connect(options, io)).secrets(org);
  if (secrets.length === 0 && options.output === "table")
    return printStatus(io, `${org} has no secret; "faas secret set ${org} NAME" makes one.`);
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
  check(org, name);
  await (await connect(options, io)).removeSecret(org, name);
  printStatus(io, `Removed the secret ${name} of ${org}.`);
}
