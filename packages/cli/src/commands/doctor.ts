import { DEFAULT_PORT, FaasError, type Registry, type ServerConfig } from "@faas/core";
import type { KubernetesCredentials as Credentials } from "@faas/installer";
import type { Command } from "commander";
import { fetch } from "undici";
import { DEFAULT_SERVER, serverUrl, tokenFor } from "../client/client.ts";
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
import { checkDocker, checkRegistry } from "../doctor/images.ts";
import { version } from "../program.ts";
import { dataFolder } from "../server-process/data-folder.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, type OutputFormat, outputOption, print } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { DEFAULT_NAMESPACE, namespaceName, pushServerImage } from "./install.ts";

const ASK_MS = 2_000;
const CLUSTER_MS = 15_000;

interface Options extends GlobalOptions {
  readonly data?: string;
  readonly context?: string;
  readonly registry?: string;
  readonly namespace: string;
  readonly deep?: boolean;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .option("--data <dir>", "the server's data folder (or FAAS_DATA; default ~/.local/share/faas)")
    .option("--context <name>", "context of the kubeconfig (the current one)")
    .option("--namespace <namespace>", "where faas install would put the server", namespaceName, DEFAULT_NAMESPACE)
    .option("--registry <registry>", "where images are pushed to (FAAS_REGISTRY_PUSH, or what the server says)")
    .option("--deep", "also try a pull from the registry and network policies, with two short-lived pods; needs Docker")
    .addOption(outputOption())
    .addHelpText("after", "\nEnds with 1 when something is missing without which nothing works.")
    .action(async () => doctor(command.optsWithGlobals<Options>(), io));
}

async function doctor(options: Options, io: Io): Promise<void> {
  const url = await serverUrl(options, io);
  const named = url !== DEFAULT_SERVER || (options.server ?? io.env.FAAS_SERVER) !== undefined;
  const token = await tokenFor(url, options, io);
  const ca = await caFor(url, options, io);
  const server = checkServer(url, named, version, token, ca);
  const registry = await registryOf(url, token, ca, options, io);
  const here = await Promise.all([
    checkNode(),
    checkNpm(),
    checkPython(io.env.FAAS_PYTHON),
    checkDataFolder(dataFolder(options.data, io)),
    server.then((found) => portOf(url, found)),
    server,
    checkDocker(io),
    checkRegistry(registry?.push, io),
  ]);
  const checks = [...here, ...(await checksOfCluster(options, registry, io))];
  await print(checks, options.output, io, (all) => table(all, io));
  if (checks.some(({ status }) => status === "missing")) io.exitCode = 1;
}

/** The registry that is named here, else the server's. */
async function registryOf(
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
    const answer = await fetch(new URL("/-/config", url), {
      headers,
      signal: AbortSignal.timeout(ASK_MS),
      dispatcher: agentFor(ca),
    });
    return ((await answer.json()) as Partial<ServerConfig>).registry;
  } catch {
    return undefined; // What answers there, if anything, is the server's check.
  }
}

async function checksOfCluster(options: Options, registry: Registry | undefined, io: Io): Promise<readonly Check[]> {
  const { checkCluster, checkFromNode, KubernetesApi, KubernetesCredentials } = await import("@faas/installer");
  let credentials: Credentials;
  try {
    credentials = KubernetesCredentials.load(options.context);
  } catch (error) {
    // A context that was named has to be there.
    if (options.context !== undefined || !(error instanceof FaasError)) throw error;
    const advice = "Only for servers on Kubernetes; the embedded platform needs none";
    return [{ name: "cluster", status: "warning", found: error.message, advice }];
  }
  try {
    const api = new KubernetesApi(credentials);
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(CLUSTER_MS)]);
    const checks = await checkCluster(api, credentials, options.namespace, signal);
    if (!options.deep || checks.length < 2) return checks;
    if (!registry) throw new FaasError("USAGE", "--deep tries a pull from the registry: name it with --registry");
    const image = await pushServerImage(registry, await Progress.create(io), io);
    const tried = await checkFromNode(api, { ...image, signal: io.signal });
    // What was tried is known better.
    return [...checks.filter(({ name }) => !tried.some((one) => one.name === name)), ...tried];
  } finally {
    await credentials.close();
  }
}

/** The port that `faas up` takes by default; free, or taken by the server that was found. */
async function portOf(url: string, server: Check): Promise<Check> {
  const isOurs = server.found.startsWith(url) && url === DEFAULT_SERVER;
  if (isOurs) return { name: "port", status: "ok", found: `${DEFAULT_PORT} is the server's` };
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
