import { DEFAULT_PORT, type Registry, type ServerConfig } from "@faas/core";
import type { Command } from "commander";
import { fetch } from "undici";
import { serverUrl, tokenFor } from "../client/connect.ts";
import { DEFAULT_SERVER } from "../client/default-server.ts";
import { caFor } from "../client/trust.ts";
import {
  agentFor,
  type Check,
  checkDataFolder,
  checkNode,
  checkNpm,
  checkPort,
  checkPython,
  checkServer,
} from "../doctor/checks.ts";
import { checkCluster } from "../doctor/cluster.ts";
import { checkGateways } from "../doctor/gateways.ts";
import { checkDocker, checkRegistry } from "../doctor/images.ts";
import { addClusterOptions } from "../install/cluster-options.ts";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import { DATA_OPTION_DEFAULT, dataFolder } from "../server-process/data-folder.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, type OutputFormat, outputOption, print } from "../terminal/output.ts";
import { version } from "../version.ts";

const CONFIG_TIMEOUT_MS = 2_000;

interface Options extends GlobalOptions {
  readonly data?: string;
  readonly context?: string;
  readonly registry?: string;
  readonly namespace: string;
  readonly deep?: boolean;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command.addOption(
    optionWithLaterDefault("--data <dir>", "Data folder of the server (or FAAS_DATA)", DATA_OPTION_DEFAULT),
  );
  addClusterOptions(command)
    .addOption(
      optionWithLaterDefault(
        "--registry <registry>",
        "Registry to push images to (or FAAS_REGISTRY_PUSH)",
        "the server's",
      ),
    )
    .option("--deep", "Also try a pull and network policies with two short-lived pods; requires Docker")
    .addOption(outputOption())
    .addHelpText("after", "\nExit code 1 when something essential is missing.")
    .action(async () => doctor(command.optsWithGlobals<Options>(), io));
}

async function doctor(options: Options, io: Io): Promise<void> {
  const url = await serverUrl(options, io);
  const isNamed = url !== DEFAULT_SERVER || (options.server ?? io.env.FAAS_SERVER) !== undefined;
  const token = await tokenFor(url, options, io);
  const ca = await caFor(url, options, io);
  const server = checkServer(url, isNamed, version, token, ca);
  const registry = await findRegistry(url, token, ca, options, io);
  const local = await Promise.all([
    checkNode(),
    checkNpm(),
    checkPython(io.env.FAAS_PYTHON),
    checkDataFolder(dataFolder(options.data, io)),
    server.then((check) => checkDefaultPort(url, check)),
    server,
    checkDocker(io),
    checkRegistry(registry?.push, io),
  ]);
  const gateways = await checkGateways(url, version, token, ca);
  const checks = [...local, ...gateways, ...(await checkCluster(options, registry, io))];
  await print(checks, options.output, io, (all) => table(all, io));
  if (checks.some(({ status }) => status === "missing")) io.exitCode = 1;
}

/** Returns the registry of the options or the environment, else the server's. */
async function findRegistry(
  url: string,
  token: string | undefined,
  ca: string | undefined,
  { registry }: Options,
  io: Io,
): Promise<Registry | undefined> {
  const push = registry ?? (io.env.FAAS_REGISTRY_PUSH || undefined);
  if (push !== undefined) return { push, pull: io.env.FAAS_REGISTRY_PULL || push };
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(new URL("/-/config", url), {
      headers,
      signal: AbortSignal.timeout(CONFIG_TIMEOUT_MS),
      dispatcher: agentFor(ca),
    });
    return ((await response.json()) as Partial<ServerConfig>).registry;
  } catch {
    return undefined; // `checkServer` reports it.
  }
}

/** Checks that the default port of `faas up` is free, or used by the server that was found. */
async function checkDefaultPort(url: string, server: Check): Promise<Check> {
  const isServer = server.found.startsWith(url) && url === DEFAULT_SERVER;
  if (isServer) return { name: "port", status: "ok", found: `${DEFAULT_PORT} is used by the server` };
  return checkPort("127.0.0.1", DEFAULT_PORT);
}

function table(checks: readonly Check[], io: Io): string {
  const color = colors(io.stdout, io);
  const paint = { ok: color.green, warning: color.yellow, missing: color.red };
  return checks
    .map(({ name, status, found, advice }) => {
      const line = `${paint[status](status.padEnd(8))} ${name.padEnd(13)} ${found}\n`;
      return advice ? `${line}${" ".repeat(23)}${advice}\n` : line;
    })
    .join("");
}
