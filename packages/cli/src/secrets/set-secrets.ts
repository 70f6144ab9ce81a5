import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { FaasError, secretNameProblem, secretValueProblem } from "@faas/core";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { parseEnvFile } from "../deploy/env-file.ts";
import { checkOutcome } from "../deploy/outcome.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { decodeUtf8, promptSecret, readSecretFromStdin } from "../terminal/read-secret.ts";

export interface SetOptions extends GlobalOptions {
  readonly fromFile?: string;
  readonly envFile?: string;
  readonly wait: boolean;
}

/** Values by name. */
type Values = Readonly<Record<string, string>>;

/**
 * Sets the secret `name`, or those of `--env-file`, and waits for the endpoints that use them.
 *
 * @throws USAGE before anything is set, when one of the values is invalid
 */
export async function setSecrets(org: string, name: string | undefined, options: SetOptions, io: Io): Promise<void> {
  const client = await connect(options, io);
  const values =
    options.envFile === undefined ? await readOne(org, name, options, io) : await readAll(name, options, io);
  // The last one of an endpoint is the one that has all new values.
  const rolls = new Map<string, string>();
  for (const [secret, value] of Object.entries(values)) {
    const saved = await client.putSecret(org, secret, value);
    printStatus(io, `Saved the secret ${secret} of ${org}.`);
    for (const { endpoint, revision } of saved.rolls) rolls.set(endpoint, revision);
  }
  await printUnused(org, Object.keys(values), client, io);
  if (rolls.size > 0) await rollOut(org, Object.keys(values), rolls, options.wait, client, io);
}

async function readOne(org: string, name: string | undefined, { fromFile }: SetOptions, io: Io): Promise<Values> {
  if (name === undefined)
    throw new FaasError("USAGE", "Expected the name of a secret, or a file of several with --env-file");
  const value = await readValue(org, name, fromFile, io);
  const problem = secretValueProblem(value);
  if (problem) throw new FaasError("USAGE", `Invalid value of the secret: ${problem}`);
  return { [name]: value };
}

async function readAll(name: string | undefined, { envFile = "", fromFile }: SetOptions, io: Io): Promise<Values> {
  if (name !== undefined || fromFile !== undefined)
    throw new FaasError("USAGE", "`--env-file` has the names and the values: omit the name and `--from-file`");
  const path = resolve(io.cwd, envFile);
  const values = parseEnvFile(await readText(path, "--env-file"), path);
  if (Object.keys(values).length === 0) throw new FaasError("USAGE", `Expected NAME=value lines in ${path}, got none`);
  for (const [secret, value] of Object.entries(values)) {
    const problem = secretNameProblem(secret) ?? secretValueProblem(value);
    if (problem) throw new FaasError("USAGE", `In ${path}, ${secret}: ${problem}`);
  }
  return values;
}

async function readValue(org: string, name: string, fromFile: string | undefined, io: Io): Promise<string> {
  if (fromFile !== undefined) return readText(resolve(io.cwd, fromFile), "--from-file");
  if (!io.stdin.isTTY) return readSecretFromStdin("the value", io);
  return promptSecret(`Value of ${name} for ${org} (hidden): `, io);
}

async function readText(path: string, option: string): Promise<string> {
  const bytes = await readFile(path).catch((cause) => {
    throw new FaasError("USAGE", `Expected the \`${option}\` option to name a file: ${cause.message}`, { cause });
  });
  return decodeUtf8(bytes, `Expected ${path} to be text in UTF-8. Encode it first, for example in base64`);
}

/** Explains how to use those secrets that no endpoint uses. */
async function printUnused(org: string, names: readonly string[], client: Client, io: Io): Promise<void> {
  const used = new Set(
    (await client.secrets(org)).flatMap(({ name, endpoints }) => (endpoints.length > 0 ? [name] : [])),
  );
  const unused = names.filter((name) => !used.has(name));
  if (unused.length === 0) return;
  const flags = unused.map((name) => ` --secret ${name}`).join("");
  const [variables, them] =
    unused.length > 1 ? ["the variables of their names", "them"] : [`the variable ${unused[0]}`, "it"];
  printStatus(io, `Pass ${them} to a function with "faas deploy --org ${org}${flags}", in ${variables}.`);
}

/**
 * Waits for the endpoints that use the secrets.
 *
 * @param rolls revisions by endpoint
 * @throws DEPLOY_FAILED when one does not run with the new values
 */
async function rollOut(
  org: string,
  secrets: readonly string[],
  rolls: ReadonlyMap<string, string>,
  wait: boolean,
  client: Client,
  io: Io,
): Promise<void> {
  const endpoints = [...rolls.keys()];
  printStatus(
    io,
    `Deploying ${secrets.length > 1 ? "them" : "it"} to ${endpoints.map((each) => `${org}/${each}`).join(", ")} …`,
  );
  if (!wait) return;
  const outcomes = await Promise.allSettled(
    [...rolls].map(async ([endpoint, revision]) =>
      checkOutcome(await client.waitForRollout({ org, endpoint }, revision), revision),
    ),
  );
  io.signal.throwIfAborted();
  const failed = outcomes.flatMap((outcome, index) =>
    outcome.status === "rejected" ? [{ endpoint: endpoints[index], error: outcome.reason as Error }] : [],
  );
  const values = secrets.length > 1 ? "values" : "value";
  if (failed.length === 0) return printStatus(io, `${rolls.size > 1 ? "They use" : "It uses"} the new ${values}.`);
  const [{ error } = { error: undefined }] = failed;
  const detail = failed.map(({ endpoint, error }) => `${org}/${endpoint}: ${error.message}`).join("\n");
  throw new FaasError(
    error instanceof FaasError ? error.code : "DEPLOY_FAILED",
    `Not every endpoint runs with the new ${values} of ${secrets.join(", ")}. Those that failed keep the previous one.\n${detail}`,
    { cause: error, extensions: error instanceof FaasError ? error.extensions : {} },
  );
}
