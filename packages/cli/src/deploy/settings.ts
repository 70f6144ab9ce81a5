import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type EndpointRef,
  FaasError,
  type Project,
  type SettingsInput,
  settingsInputSchema,
  settingsProblem,
  validate,
  withDefaults,
} from "@faas/core";
import type { Command } from "commander";
import { type SettingsOptions, settingsOf } from "../options/settings-options.ts";
import { checkRef } from "../options/target.ts";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import type { Io } from "../terminal/io.ts";
import { parseEnvFile } from "./env-file.ts";

export interface DeploySettingsOptions extends SettingsOptions {
  readonly org?: string;
  readonly endpoint?: string;
  readonly envFile?: string;
  readonly fallback?: string;
}

/** Adds the folder to build and the endpoint to deploy to. */
export function addSourceOptions(command: Command): void {
  command
    .argument("[dir]", "Folder of the function (by default that of the nearest faas.json, else the current one)")
    .option("--org <org>", "Organization (or org in faas.json)")
    .option("--endpoint <endpoint>", "Name of the endpoint (or endpoint in faas.json)")
    .addOption(
      optionWithLaterDefault("--fallback <page>", "Page of a static folder for paths without a file", "404.html"),
    );
}

/** Returns the fallback page of a static folder; options win over `faas.json`. */
export function fallbackPage(options: DeploySettingsOptions, project: Project): { readonly fallback?: string } {
  const fallback = options.fallback ?? project.fallback;
  return fallback === undefined ? {} : { fallback };
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
 * Merges the settings: options win over `--env-file`, which wins over `faas.json`.
 *
 * @throws USAGE when a setting is invalid or contradicts another
 */
export async function deploySettings(options: DeploySettingsOptions, project: Project, io: Io): Promise<SettingsInput> {
  const { $schema: _, org: __, endpoint: ___, server: ____, baseImage: _____, fallback: ______, ...fromFile } = project;
  const { env: fromOptions, secrets: secretsFromOptions, ...given } = settingsOf(options);
  const fromEnvFile = options.envFile === undefined ? {} : await readEnvFile(resolve(io.cwd, options.envFile));
  const env = { ...fromFile.env, ...fromEnvFile, ...fromOptions };
  const secrets = { ...fromFile.secrets, ...secretsFromOptions };
  const merged = {
    ...{ ...fromFile, ...given },
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(Object.keys(secrets).length > 0 ? { secrets } : {}),
  };
  const settings = validate(settingsInputSchema, merged, "the settings", "USAGE");
  const problem = settingsProblem(withDefaults(settings));
  if (problem) throw new FaasError("USAGE", `In the settings: ${problem}`);
  return settings;
}

async function readEnvFile(path: string): Promise<Record<string, string>> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new FaasError("USAGE", `Expected the \`--env-file\` option to name a file: ${cause.message}`, { cause });
  });
  return parseEnvFile(text, path);
}
