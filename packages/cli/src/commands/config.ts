import {
  asciiHostname,
  BUILD_SETTINGS,
  type EndpointRef,
  FaasError,
  HOOK_FORM,
  parseHook,
  parseResourceCount,
  parseSource,
  parseSubscription,
  parseTool,
  parseWarmWindow,
  RESOURCE_FORM,
  type Registered,
  type SettingsChange,
  SOURCE_FORM,
  SUBSCRIPTION_FORM,
  type ToolSettings,
  WARM_WINDOW_FORM,
  withDefaults,
} from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { applyChange } from "../deploy/await-rollout.ts";
import { type ChangeDraft, checkChange, setVariables, unset } from "../deploy/change-settings.ts";
import { formatChange, formatValue } from "../deploy/changes.ts";
import { type SettingRow, settingRows } from "../deploy/setting-origins.ts";
import { parseAsyncSettings } from "../options/async-settings.ts";
import { parseSettingName, type SettingName, unsetOption } from "../options/setting-name.ts";
import { parseRef } from "../options/target.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly unset?: readonly SettingName[];
  readonly dryRun?: boolean;
  readonly wait: boolean;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint")
    .argument("[setting=value...]", "Settings to change, such as concurrency=2; an empty value is the default")
    .option("--unset <setting>", "Setting to put back to its default; repeatable", unsetOption)
    .option("--dry-run", "Print the settings that would change, and change nothing")
    .option("--no-wait", "Return before the revision with the new settings is ready")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nSettings have the names of faas.json (idleTimeout) or of the options (idle-timeout). env.NAME=value and secrets.NAME=SECRET set single variables.",
    )
    .action(async (target: string, assignments: readonly string[]) =>
      config(parseRef(target), assignments, command.optsWithGlobals<Options>(), io),
    );
}

async function config(ref: EndpointRef, assignments: readonly string[], options: Options, io: Io): Promise<void> {
  const change = requestedChange(assignments, options.unset ?? []);
  const client = await connect(options, io);
  if (Object.keys(change).length === 0) {
    const view = await client.settings(ref);
    const shown = { ...ref, revision: view.revision, settings: settingRows(view) };
    return print(shown, options.output, io, table);
  }
  if (options.dryRun) {
    const planned = await client.planEndpoint(ref, change);
    await print(planned, options.output, io, formatChanges);
    if (planned.changes.length === 0) printStatus(io, "No setting would change.");
    return;
  }
  const registered = await applyChange(ref, change, { client, io, wait: options.wait });
  await print(registered, options.output, io, formatChanges);
}

/**
 * Parses the changes of the command line.
 *
 * @throws USAGE
 */
function requestedChange(assignments: readonly string[], unsets: readonly SettingName[]): SettingsChange {
  const draft: ChangeDraft = { settings: {}, variables: {} };
  for (const assignment of assignments) {
    const equals = assignment.indexOf("=");
    if (equals < 1) throw new FaasError("USAGE", `Expected SETTING=VALUE, got "${assignment}"`);
    assign(draft, checkedName(parseSettingName(assignment.slice(0, equals))), assignment.slice(equals + 1));
  }
  for (const name of unsets) unset(draft, checkedName(name));
  return checkChange(draft);
}

/** Checks that a setting can change without the code. */
function checkedName(name: SettingName): SettingName {
  if (!BUILD_SETTINGS.includes(name.setting)) return name;
  const option = `--${name.setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new FaasError("USAGE", `"${name.setting}" takes effect in a build: pass ${option} to faas deploy`);
}

function assign(draft: ChangeDraft, name: SettingName, value: string): void {
  const { setting } = name;
  if (value === "") unset(draft, name);
  else if ("variable" in name) setVariables(draft, name.setting, { [name.variable]: value });
  else if (setting === "env" || setting === "secrets")
    throw new FaasError("USAGE", `Expected ${setting}.NAME=VALUE for each variable, got "${setting}="`);
  else if (setting === "hostnames")
    draft.settings.hostnames = value.split(",").map((each) => asciiHostname(each.trim()));
  else if (setting === "warm") draft.settings.warm = listOf(value, parseWarmWindow, WARM_WINDOW_FORM);
  else if (setting === "hooks") draft.settings.hooks = listOf(value, parseHook, HOOK_FORM);
  else if (setting === "subscriptions")
    draft.settings.subscriptions = listOf(value, parseSubscription, SUBSCRIPTION_FORM);
  else if (setting === "sources") draft.settings.sources = listOf(value, parseSource, SOURCE_FORM);
  else if (setting === "schedules")
    throw new FaasError(
      "USAGE",
      'Add schedules with "faas schedule add", or in faas.json; --unset schedules removes all',
    );
  else if (setting === "tool") draft.settings.tool = parsedTool(value);
  else if (setting === "resources")
    draft.settings.resources = Object.assign({}, ...listOf(value, parseResourceCount, RESOURCE_FORM));
  else if (setting === "async") draft.settings.async = parseAsyncSettings(value, '"async"');
  // The schema reports text that is not a number.
  else
    Object.assign(draft.settings, { [setting]: /^-?\d+$/.test(value) && NUMBERS.has(setting) ? Number(value) : value });
}

function parsedTool(value: string): ToolSettings {
  const tool = parseTool(value);
  if (tool !== undefined) return tool;
  throw new FaasError("USAGE", `Expected "tool" to be a JSON object such as {"description": "Adds"}, got "${value}"`);
}

/** Parses a setting that is a list. */
function listOf<Item>(value: string, parse: (text: string) => Item | undefined, form: string): Item[] {
  return value.split(";").map((text) => {
    const item = parse(text);
    if (item !== undefined) return item;
    throw new FaasError("USAGE", `Expected ${form}, several with ";" between them, got "${text.trim()}"`);
  });
}

/** Settings that are numbers. */
const NUMBERS: ReadonlySet<string> = new Set(
  Object.entries(withDefaults({})).flatMap(([name, value]) => (typeof value === "number" ? [name] : [])),
);

const formatChanges = ({ changes = [] }: Pick<Registered, "changes">): string =>
  changes.map((change) => `${formatChange(change)}\n`).join("");

const table = ({ settings }: { readonly settings: readonly SettingRow[] }): string =>
  columns(
    ["SETTING", "VALUE", "ORIGIN"],
    settings.map(({ setting, value, origin }) => [setting, formatValue(value), origin]),
  );
