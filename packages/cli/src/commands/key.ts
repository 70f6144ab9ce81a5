import {
  FaasError,
  type KeyView,
  type NewKeyView,
  type OrgScope,
  orgNameProblem,
  orgScopes,
  parseDuration,
} from "@faas/core";
import { type Command, Option } from "commander";
import { connect } from "../client/client.ts";
import { parsedOption } from "../options/settings-options.ts";
import { dataFolder } from "../server-process/data-folder.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

interface Whose extends GlobalOptions {
  readonly org?: string;
  readonly admin?: boolean;
}

interface CreateOptions extends Whose {
  readonly scope?: OrgScope;
  readonly name?: string;
  readonly expires?: string;
  readonly data?: string;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  const create = command.command("create").description("make a key; its token is printed this once");
  whose(create)
    .addOption(new Option("--scope <scope>", "what it may do; deploy may read and invoke too").choices(orgScopes))
    .option("--name <name>", "what it is for, for those who read the list (default: its scope)")
    .option(
      "--expires <duration>",
      "how long it is good for (default: until it is revoked)",
      parsedOption(parseDuration, "a duration such as 90d"),
    )
    .option("--data <dir>", "with --admin: make it in the data folder of a server that is stopped, without a key")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nThe token is on stdout. With --data a lost admin key is replaced, on the server's machine.",
    )
    .action(async () => createKey(create.optsWithGlobals<CreateOptions>(), io));
  const list = command.command("list").description("list keys, without their tokens");
  whose(list)
    .addOption(outputOption())
    .action(async () => listKeys(list.optsWithGlobals<Whose & { output: OutputFormat }>(), io));
  const revoke = command.command("revoke").description("end a key: it is refused from the next request on");
  whose(revoke.argument("<id>", "as faas key list shows it")).action(async (id: string) =>
    revokeKey(id, revoke.optsWithGlobals<Whose>(), io),
  );
}

const whose = (command: Command) =>
  command
    .option("--org <org>", "of an organization")
    .addOption(new Option("--admin", "of the whole server").conflicts(["org", "scope"]));

/** The organization; undefined: the whole server. USAGE. */
function orgOf({ org, admin }: Whose): string | undefined {
  if (admin) return undefined;
  const problem = org === undefined ? "Expected --org ORG, or --admin for the whole server" : orgNameProblem(org);
  if (problem) throw new FaasError("USAGE", problem);
  return org;
}

async function createKey(options: CreateOptions, io: Io): Promise<void> {
  const made = await make(options, io);
  await print(made, options.output, io, ({ token }) => `${token}\n`);
  if (options.output !== "table") return;
  printStatus(io, `${describe(made)}. Its token is not shown again. "faas login" takes it, and FAAS_TOKEN in CI.`);
}

async function make(options: CreateOptions, io: Io): Promise<NewKeyView> {
  const { scope, name, expires, data } = options;
  const org = orgOf(options);
  const more = { ...(name === undefined ? {} : { name }), ...(expires === undefined ? {} : { expires }) };
  if (data !== undefined) {
    if (org !== undefined)
      throw new FaasError("USAGE", "--data goes with --admin: keys of organizations need a server");
    const { createAdminKey } = await import("@faas/server");
    return createAdminKey(dataFolder(data, io), more);
  }
  if (org === undefined) return (await connect(options, io)).createAdminKey(more);
  if (scope === undefined) throw new FaasError("USAGE", `Expected --scope ${orgScopes.join("|")}`);
  return (await connect(options, io)).createKey(org, { scope, ...more });
}

async function listKeys(options: Whose & { readonly output: OutputFormat }, io: Io): Promise<void> {
  const org = orgOf(options);
  const keys = await (await connect(options, io)).keys(org);
  if (keys.length === 0 && options.output === "table")
    return printStatus(io, `There is no key${org === undefined ? "" : ` of ${org}`}; "faas key create" makes one.`);
  await print(keys, options.output, io, table);
}

function table(keys: readonly KeyView[]): string {
  const day = (time: string | undefined) => time?.slice(0, 16).replace("T", " ");
  const rows = keys.map(({ id, name, scope, createdAt, expiresAt, lastUsedAt }) => [
    ...[id, name, scope, day(createdAt) ?? "", day(expiresAt) ?? "never", day(lastUsedAt) ?? "never"],
  ]);
  return columns(["ID", "NAME", "SCOPE", "CREATED", "EXPIRES", "LAST USED"], rows);
}

async function revokeKey(id: string, options: Whose, io: Io): Promise<void> {
  await (await connect(options, io)).revokeKey(orgOf(options), id);
  printStatus(io, `Revoked the key ${id}.`);
}

function describe({ id, name, scope, org, expiresAt }: KeyView): string {
  const until = expiresAt === undefined ? "until it is revoked" : `until ${expiresAt}`;
  return `Made the key ${id}, "${name}": ${scope}${org === undefined ? "" : ` for ${org}`}, ${until}`;
}
