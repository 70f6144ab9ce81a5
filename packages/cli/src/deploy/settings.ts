import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type EndpointRef,
  FaasError,
  type Project,
  type ServerConfig,
  type SettingsChange,
  type SettingsInput,
  settingsInputSchema,
  validate,
} from "@faas/core";
import type { Command } from "commander";
import type { SettingName } from "../options/setting-name.ts";
import { type SettingsOptions, settingsOf } from "../options/settings-options.ts";
import { checkRef } from "../options/target.ts";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import type { Io } from "../terminal/io.ts";
import { checkChange, setVariables, unset } from "./change-settings.ts";
import { parseEnvFile } from "./env-file.ts";

/** Options of {@link addSourceOptions}, with those of the settings. */
export interface SourceOptions extends SettingsOptions {
  readonly org?: string;
  readonly endpoint?: string;
}

export interface DeploySettingsOptions extends SourceOptions {
  readonly envFile?: string;
  readonly unset?: readonly SettingName[];
  readonly reset?: boolean;
}

/** Adds the folder to build and the endpoint to deploy to. */
export function addSourceOptions(command: Command): void {
  command
    .argument("[dir]", "Folder of the function (by default that of the nearest faas.json, else the current one)")
    .argument("[names...]", "Functions of a faas.json with several (by default those in the folder)")
    .option("--org <org>", "Organization (or org in faas.json)")
    .option("--endpoint <endpoint>", "Name of the endpoint (or endpoint in faas.json)")
    .addOption(
      optionWithLaterDefault("--fallback <page>", "Page of a static folder for paths without a file", "404.html"),
    );
}

/**
 * Returns the endpoint to deploy to; options win over `faas.json`.
 *
 * @throws USAGE
 */
export function deployRef(options: DeploySettingsOptions, project: Project): EndpointRef {
  const org = options.org ?? project.org;
  const endpoint = options.endpoint ?? project.endpoint;
  if (org !== undefined && endpoint !== undefined) return checkRef({ org, endpoint });
  const missing = [...(org === undefined ? ["org"] : []), ...(endpoint === undefined ? ["endpoint"] : [])];
  const flags = missing.map((name) => `--${name} ${name.toUpperCase()}`).join(" and ");
  const fields = missing.map((name) => `"${name}"`).join(" and ");
  throw new FaasError("USAGE", `Expected ${flags}, or ${fields} in faas.json`);
}

/**
 * Merges the settings of a build; options win over `faas.json`.
 *
 * @throws USAGE when a setting is invalid
 */
export function buildSettings(options: SourceOptions, project: Project): SettingsInput {
  const merged = { ...settingsIn(project), ...settingsOf(options) };
  return validate(settingsInputSchema, merged, "the settings", "USAGE");
}

/**
 * Returns the settings that a deployment names: options win over `--env-file`, which wins over `faas.json`. A variable of an option changes that
 * variable alone, unless `faas.json` names the variables: then it has all of them.
 *
 * @throws USAGE when a setting is invalid or contradicts another
 */
export async function requestedChange(
  options: DeploySettingsOptions,
  project: Project,
  io: Io,
): Promise<SettingsChange> {
  const fromFile = settingsIn(project);
  const { env: fromOptions, secrets, ...given } = settingsOf(options);
  const fromEnvFile = options.envFile === undefined ? {} : await readEnvFile(resolve(io.cwd, options.envFile));
  const change = { settings: { ...fromFile, ...given }, variables: {} };
  setVariables(change, "env", { ...fromEnvFile, ...fromOptions });
  setVariables(change, "secrets", secrets ?? {});
  for (const name of options.unset ?? []) unset(change, name);
  const checked = checkChange(change);
  return options.reset ? { ...checked, reset: true } : checked;
}

/** Returns the settings of a `faas.json`. */
function settingsIn({ $schema, org, endpoint, server, canary, ...settings }: Project): SettingsInput {
  return settings;
}

async function readEnvFile(path: string): Promise<Record<string, string>> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new FaasError("USAGE", `Expected the \`--env-file\` option to name a file: ${cause.message}`, { cause });
  });
  return parseEnvFile(text, path);
}

/** Returns a warning about a setting that the server's platform does not enforce, although it protects others; undefined if there is none. */
export function unenforcedWarning(
  { disk }: Pick<SettingsInput, "disk">,
  { platform, accepts }: Pick<ServerConfig, "platform" | "accepts">,
): string | undefined {
  if (disk === undefined || accepts === "image") return undefined;
  return `the ${platform} platform does not enforce the disk limit of ${disk}: the function can fill the disk of the server's machine`;
}
