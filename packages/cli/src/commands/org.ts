import { FaasError } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { type RemoveOptions, removeOrg } from "../client/remove-org.ts";
import { rotateSigningKey, signingKey } from "../client/signing-key.ts";
import { type ImageOptions, registryOf } from "../options/image-options.ts";
import { addLimitOptions, type LimitOptions, limitsOf, limitsTable } from "../options/limit-options.ts";
import { checkOrg } from "../options/target.ts";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import { YES_DESCRIPTION } from "../terminal/confirm.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";
import { readSecretFromStdin } from "../terminal/read-secret.ts";

interface ListOptions extends GlobalOptions {
  readonly output: OutputFormat;
}

type SetLimitOptions = ListOptions & LimitOptions;

interface LoginOptions extends GlobalOptions, ImageOptions {
  readonly username: string;
  readonly passwordStdin?: boolean;
}

interface SigningKeyOptions extends ListOptions {
  readonly rotate?: boolean;
}

export function define(command: Command, io: Io): void {
  const create = command.command("create").description("Create an organization").argument("<org>", "Organization");
  create.action(async (org: string) => createOrg(org, create.optsWithGlobals<GlobalOptions>(), io));
  const list = command
    .command("list")
    .alias("ls")
    .description("List the organizations that your key can see")
    .addOption(outputOption());
  list.action(async () => listOrgs(list.optsWithGlobals<ListOptions>(), io));
  const describe = command
    .command("describe")
    .description("Show an organization with its limits and current use")
    .argument("<org>", "Organization")
    .addOption(outputOption());
  describe.action(async (org: string) => describeOrg(org, describe.optsWithGlobals<ListOptions>(), io));
  const limit = command
    .command("limit")
    .description("Set limits of an organization; other limits stay")
    .argument("<org>", "Organization");
  addLimitOptions(limit).action(async (org: string) => limitOrg(org, limit.optsWithGlobals<SetLimitOptions>(), io));
  const remove = command
    .command("remove")
    .alias("rm")
    .description("Remove an organization with its endpoints, logs and keys")
    .argument("<org>", "Organization")
    .option("-y, --yes", YES_DESCRIPTION);
  remove.action(async (org: string) => removeOrg(org, remove.optsWithGlobals<RemoveOptions>(), io));
  const key = command
    .command("signing-key")
    .description("Print the key that signs calls of an organization to URLs")
    .argument("<org>", "Organization")
    .option("--rotate", "Replace the key; calls are signed with the previous one too for 24 hours")
    .addOption(outputOption());
  key.action(async (org: string) => printSigningKey(org, key.optsWithGlobals<SigningKeyOptions>(), io));
  const login = command
    .command("registry-login")
    .description("Save the nodes' credentials for an organization's images")
    .argument("<org>", "Organization")
    .requiredOption("--username <username>", "User of the registry")
    .requiredOption("--password-stdin", "Read the password from standard input")
    .addOption(optionWithLaterDefault("--registry <registry>", "Address of the registry for the nodes", "the server's"))
    .addHelpText("after", "\nTo push images, docker login on this machine is enough.");
  login.action(async (org: string) => registryLogin(org, login.optsWithGlobals<LoginOptions>(), io));
}

async function createOrg(org: string, options: GlobalOptions, io: Io): Promise<void> {
  checkOrg(org);
  await (await connect(options, io)).putOrg(org);
  printStatus(io, `The organization ${org} exists. Create a key for it with "faas key create ${org} --scope deploy".`);
}

async function describeOrg(org: string, options: ListOptions, io: Io): Promise<void> {
  checkOrg(org);
  await print(await (await connect(options, io)).org(org), options.output, io, limitsTable);
}

async function limitOrg(org: string, options: SetLimitOptions, io: Io): Promise<void> {
  checkOrg(org);
  const limits = limitsOf(options);
  if (Object.keys(limits).length === 0)
    throw new FaasError("USAGE", "Expected a limit to set, such as --requests-per-second 100. List all with --help");
  const client = await connect(options, io);
  // Fails for a mistyped name, which would create an organization.
  const { limits: { requestsPerSecond } = {} } = await client.org(org);
  // The server takes a burst only together with its rate.
  const rate = typeof limits.burst === "number" && requestsPerSecond !== undefined ? { requestsPerSecond } : {};
  const view = await client.putOrg(org, { limits: { ...rate, ...limits } });
  await print(view, options.output, io, limitsTable);
}

async function listOrgs(options: ListOptions, io: Io): Promise<void> {
  const orgs = await (await connect(options, io)).orgs();
  if (orgs.length === 0 && options.output === "table")
    return printStatus(io, 'No organizations yet. Create one with "faas org create".');
  await print(orgs, options.output, io, (all) =>
    columns(
      ["ORG", "ENDPOINTS", "CREATED"],
      all.map(({ org, endpoints, createdAt }) => [org, String(endpoints.length), createdAt]),
    ),
  );
}

async function printSigningKey(org: string, options: SigningKeyOptions, io: Io): Promise<void> {
  checkOrg(org);
  const client = await connect(options, io);
  const view = await (options.rotate ? rotateSigningKey(client, org) : signingKey(client, org));
  await print(view, options.output, io, ({ key }) => `${key}\n`);
  if (view.previous) printStatus(io, `The previous key signs calls too until ${view.previous.validUntil}.`);
}

async function registryLogin(org: string, options: LoginOptions, io: Io): Promise<void> {
  checkOrg(org);
  const client = await connect(options, io);
  const address = options.registry ?? registryOf(options, await client.config()).pull;
  const password = await readSecretFromStdin("the password", io);
  const { dockerConfigFor } = await import("@faas/builder");
  await client.putRegistryCredentials(org, dockerConfigFor(address, { username: options.username, password }));
  printStatus(io, `The nodes now pull images of ${org} from ${address} as ${options.username}.`);
}
