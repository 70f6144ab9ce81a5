import { FaasError, type KeyView, type NewKeyView, type OrgScope, orgScopes, parseDuration } from "@faas/core";
import { type Command, Option } from "commander";
import { connect } from "../client/connect.ts";
import { checkOrg } from "../options/target.ts";
import { optionWithLaterDefault, parsedOption } from "../options/value-parsers.ts";
import { dataFolder } from "../server-process/data-folder.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus, printWarning } from "../terminal/output.ts";

interface OwnerOptions extends GlobalOptions {
  readonly org?: string;
  readonly admin?: boolean;
}

interface CreateOptions extends OwnerOptions {
  readonly scope?: OrgScope;
  readonly name?: string;
  readonly expires?: string;
  readonly data?: string;
  readonly output: OutputFormat;
}

interface ListOptions extends OwnerOptions {
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  const create = command
    .command("create")
    .description("Create a key and print its token, this once")
    .argument("[org]", "Organization of the key");
  addOwnerOptions(create)
    .addOption(new Option("--scope <scope>", "Permission; deploy includes read and invoke").choices(orgScopes))
    .addOption(optionWithLaterDefault("--name <name>", "Name of the key in lists", "its scope"))
    .addOption(
      optionWithLaterDefault("--expires <duration>", "Lifetime of the key", "until it is revoked").argParser(
        parsedOption(parseDuration, "a duration such as 90d"),
      ),
    )
    .option("--data <dir>", "With --admin: create it in the data folder of a stopped server, without a key")
    .addOption(outputOption())
    .addHelpText("after", "\nThe token goes to stdout. Use --data on the server's machine to replace a lost admin key.")
    .action(async (org: string | undefined) =>
      createKey(withOrg(org, create.optsWithGlobals<CreateOptions>(), io), io),
    );
  const list = command
    .command("list")
    .alias("ls")
    .description("List keys, without their tokens")
    .argument("[org]", "Organization of the keys");
  addOwnerOptions(list)
    .addOption(outputOption())
    .action(async (org: string | undefined) => listKeys(withOrg(org, list.optsWithGlobals<ListOptions>(), io), io));
  defineRevoke(command.command("revoke"), io);
}

function defineRevoke(command: Command, io: Io): void {
  command
    .description("Revoke a key from the next request on")
    // Both are optional for commander: with --admin the id is the only argument.
    .argument("[org]", "Organization of the key")
    .argument("[id]", "Id of the key, from faas key list")
    .usage("[options] <org> <id>");
  addOwnerOptions(command).action(async (...given: readonly (string | undefined)[]) => {
    const options = command.optsWithGlobals<OwnerOptions>();
    const names = given.slice(0, 2).filter((name) => name !== undefined);
    const id = names.pop();
    if (id === undefined) throw new FaasError("USAGE", "Expected the id of a key, from faas key list");
    await revokeKey(id, withOrg(names.pop(), options, io), io);
  });
}

const addOwnerOptions = (command: Command) =>
  command
    .addOption(new Option("--org <org>", "Deprecated: pass the organization as the argument").hideHelp())
    .addOption(new Option("--admin", "Key of the whole server").conflicts(["org", "scope"]));

/**
 * Returns the options with the organization that the argument or the deprecated `--org` names.
 *
 * @throws USAGE when two are given
 */
function withOrg<T extends OwnerOptions>(org: string | undefined, options: T, io: Io): T {
  if (org === undefined) {
    if (options.org !== undefined) printWarning(io, "--org is deprecated here: pass the organization as the argument");
    return options;
  }
  if (options.admin) throw new FaasError("USAGE", `Expected an organization or --admin, got "${org}" and --admin`);
  if (options.org !== undefined && options.org !== org)
    throw new FaasError("USAGE", `Expected one organization, got "${org}" and --org ${options.org}`);
  return { ...options, org };
}

/**
 * Returns the organization; undefined for the whole server.
 *
 * @throws USAGE
 */
function orgOf({ org, admin }: OwnerOptions): string | undefined {
  if (admin) return undefined;
  if (org === undefined) throw new FaasError("USAGE", "Expected an organization, or --admin for the whole server");
  return checkOrg(org);
}

async function createKey(options: CreateOptions, io: Io): Promise<void> {
  const created = await requestKey(options, io);
  await print(created, options.output, io, ({ token }) => `${token}\n`);
  if (options.output !== "table") return;
  printStatus(
    io,
    `${describe(created)}. Its token is not shown again. Pass it to "faas login", or set FAAS_TOKEN in CI.`,
  );
}

async function requestKey(options: CreateOptions, io: Io): Promise<NewKeyView> {
  const { scope, name, expires, data } = options;
  const org = orgOf(options);
  const more = { ...(name === undefined ? {} : { name }), ...(expires === undefined ? {} : { expires }) };
  if (data !== undefined) {
    if (org !== undefined)
      throw new FaasError("USAGE", "--data requires --admin: keys of organizations need a running server");
    const { createAdminKey } = await import("@faas/server");
    return createAdminKey(dataFolder(data, io), more);
  }
  if (org === undefined) return (await connect(options, io)).createAdminKey(more);
  if (scope === undefined) throw new FaasError("USAGE", `Expected --scope ${orgScopes.join("|")}`);
  return (await connect(options, io)).createKey(org, { scope, ...more });
}

async function listKeys(options: ListOptions, io: Io): Promise<void> {
  const org = orgOf(options);
  const keys = await (await connect(options, io)).keys(org);
  if (keys.length === 0 && options.output === "table")
    return printStatus(
      io,
      `No keys${org === undefined ? "" : ` of ${org}`}. Create one with "faas key create${org === undefined ? " --admin" : ` ${org}`}".`,
    );
  await print(keys, options.output, io, table);
}

function table(keys: readonly KeyView[]): string {
  const minute = (time: string | undefined) => time?.slice(0, 16).replace("T", " ");
  const rows = keys.map(({ id, name, scope, createdAt, expiresAt, lastUsedAt }) => [
    ...[id, name, scope, minute(createdAt) ?? "", minute(expiresAt) ?? "never", minute(lastUsedAt) ?? "never"],
  ]);
  return columns(["ID", "NAME", "SCOPE", "CREATED", "EXPIRES", "LAST USED"], rows);
}

async function revokeKey(id: string, options: OwnerOptions, io: Io): Promise<void> {
  await (await connect(options, io)).revokeKey(orgOf(options), id);
  printStatus(io, `Revoked the key ${id}.`);
}

function describe({ id, name, scope, org, expiresAt }: KeyView): string {
  const until = expiresAt === undefined ? "until it is revoked" : `until ${expiresAt}`;
  return `Created the key ${id}, "${name}": ${scope}${org === undefined ? "" : ` for ${org}`}, ${until}`;
}
