import { FaasError, orgNameProblem } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/client.ts";
import { type RemoveOptions, removeOrg } from "../client/remove-org.ts";
import { type ImageFlags, registryOf } from "../options/image-options.ts";
import { addLimitOptions, type LimitFlags, limitsOf, limitsTable } from "../options/limit-options.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";
import { readSecretFromStdin } from "../terminal/read-secret.ts";

interface ListOptions extends GlobalOptions {
  readonly output: OutputFormat;
}

type LimitOptions = ListOptions & LimitFlags;

interface LoginOptions extends GlobalOptions, ImageFlags {
  readonly username: string;
  readonly passwordStdin?: boolean;
}

export function define(command: Command, io: Io): void {
  const create = command.command("create").description("make an organization").argument("<org>", "its name");
  create.action(async (org: string) => createOrg(org, create.optsWithGlobals<GlobalOptions>(), io));
  const list = command.command("list").description("list the organizations that one may see").addOption(outputOption());
  list.action(async () => listOrgs(list.optsWithGlobals<ListOptions>(), io));
  const describe = command
    .command("describe")
    .description("show an organization: its limits, and what it takes of them now")
    .argument("<org>", "the organization")
    .addOption(outputOption());
  describe.action(async (org: string) => describeOrg(org, describe.optsWithGlobals<ListOptions>(), io));
  const limit = command
    .command("limit")
    .description("set limits of an organization; those that are not named stay")
    .argument("<org>", "the organization");
  addLimitOptions(limit).action(async (org: string) => limitOrg(org, limit.optsWithGlobals<LimitOptions>(), io));
  const remove = command
    .command("remove")
    .description("remove an organization with all that it has: endpoints, logs, keys")
    .argument("<org>", "the organization")
    .option("-y, --yes", "do not ask");
  remove.action(async (org: string) => removeOrg(org, remove.optsWithGlobals<RemoveOptions>(), io));
  const login = command
    .command("registry-login")
    .description("keep what the nodes need to pull an organization's images")
    .argument("<org>", "the organization")
    .requiredOption("--username <username>", "user of the registry")
    .requiredOption("--password-stdin", "read the password from standard input")
    .option("--registry <registry>", "as the nodes reach it (default: what the server says)")
    .addHelpText("after", "\nFor the push, docker login on this machine is enough.");
  login.action(async (org: string) => registryLogin(org, login.optsWithGlobals<LoginOptions>(), io));
}

function checkOrg(org: string): void {
  const problem = orgNameProblem(org);
  if (problem) throw new FaasError("USAGE", problem);
}

async function createOrg(org: string, options: GlobalOptions, io: Io): Promise<void> {
  checkOrg(org);
  await (await connect(options, io)).putOrg(org);
  printStatus(
    io,
    `The organization ${org} is there. "faas key create --org ${org} --scope deploy" makes a key for it.`,
  );
}

async function describeOrg(org: string, options: ListOptions, io: Io): Promise<void> {
  checkOrg(org);
  await print(await (await connect(options, io)).org(org), options.output, io, limitsTable);
}

async function limitOrg(org: string, options: LimitOptions, io: Io): Promise<void> {
  checkOrg(org);
  const limits = limitsOf(options);
  if (Object.keys(limits).length === 0)
    throw new FaasError("USAGE", "Expected a limit to set, such as --requests-per-second 100; --help shows all");
  const client = await connect(options, io);
  // A typing error is not to make an organization.
  await client.org(org);
  const view = await client.putOrg(org, { limits });
  await print(view, options.output, io, limitsTable);
}

async function listOrgs(options: ListOptions, io: Io): Promise<void> {
  const orgs = await (await connect(options, io)).orgs();
  if (orgs.length === 0 && options.output === "table")
    return printStatus(io, 'There is no organization yet; "faas org create" makes one.');
  await print(orgs, options.output, io, (all) =>
    columns(
      ["ORG", "ENDPOINTS", "CREATED"],
      all.map(({ org, endpoints, createdAt }) => [org, String(endpoints.length), createdAt]),
    ),
  );
}

async function registryLogin(org: string, options: LoginOptions, io: Io): Promise<void> {
  checkOrg(org);
  const client = await connect(options, io);
  const address = options.registry ?? registryOf(options, await client.config()).pull;
  const password = await readSecretFromStdin("the password", io);
  const { dockerConfigFor } = await import("@faas/builder");
  await client.putRegistryCredentials(org, dockerConfigFor(address, { username: options.username, password }));
  printStatus(io, `The nodes pull images of ${org} from ${address} as ${options.username}.`);
}
