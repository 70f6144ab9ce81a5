import { once } from "node:events";
import { resolve } from "node:path";
import { DEFAULT_PORT, FaasError, isLoopback, parseCpu, parseDuration } from "@faas/core";
import type { KubernetesServerOptions } from "@faas/server";
import { type Command, Option } from "commander";
import { prefixes } from "../install/allow-images.ts";
import { integerOption, parsedOption } from "../options/settings-options.ts";
import { dataFolder } from "../server-process/data-folder.ts";
import { type ServerAccess, type ServerReport, startDetached } from "../server-process/detached-server.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly port: number;
  readonly host: string;
  readonly data?: string;
  readonly auth?: "on" | "off";
  readonly adminKeyFile?: string;
  readonly allowImages?: readonly string[];
  readonly platform: "embedded" | "kubernetes";
  readonly poolSize: number;
  readonly maxConnections?: number;
  readonly maxConnectionsPerAddress?: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly isolation: "auto" | "required" | "off";
  readonly readable?: readonly string[];
  readonly context?: string;
  readonly registryPush?: string;
  readonly registryPull?: string;
  readonly startupCpu: string;
  readonly lockPatience: string;
  readonly logLevel?: string;
  readonly detach?: boolean;
}

const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"];

export function define(command: Command, io: Io): void {
  command
    .option("--port <port>", "where it listens; 0 takes a free one", integerOption(0, 65_535), DEFAULT_PORT)
    .option("--host <host>", "on which address; by default one that only this machine reaches", "127.0.0.1")
    .addOption(
      new Option(
        "--auth <on|off>",
        "whether keys are required (default: off where only this machine reaches it, else on)",
      ).choices(["on", "off"]),
    )
    .option("--tls-cert <file>", "HTTPS, with this certificate and its chain (PEM); read again when it changes")
    .option("--tls-key <file>", "the certificate's private key (PEM)")
    .option("--admin-key-file <file>", "an admin key's id and SHA-256, for who keeps the key elsewhere: ID:HASH")
    .option(
      "--allow-images <prefixes>",
      "kubernetes: where images may come from besides the registry's ORG/…, such as ghcr.io/team,ghcr.io/{org}; * is anywhere",
      prefixes,
    )
    .option("--data <dir>", "its state, bundles and logs (or FAAS_DATA; default ~/.local/share/faas)")
    .addOption(
      new Option("--platform <platform>", "what runs replicas").choices(["embedded", "kubernetes"]).default("embedded"),
    )
    .option(
      "--pool-size <number>",
      "embedded: processes of each runtime that wait, started and blank, for the next cold start",
      integerOption(0, 100),
      1,
    )
    .option(
      "--max-connections <number>",
      "clients that may be connected at a time (default: what half of the files that may be open allow, at most 20000)",
      integerOption(1, 1_000_000),
    )
    .option(
      "--max-connections-per-address <number>",
      "of these, from one address (default: half; behind a proxy all come from its address)",
      integerOption(1, 1_000_000),
    )
    .addOption(
      new Option("--isolation <mode>", "embedded: whether functions are kept from the server's files and processes")
        .choices(["auto", "required", "off"])
        .default("auto"),
    )
    .option(
      "--readable <paths>",
      "embedded: files and folders beside the system's that functions may read, with commas between",
      paths,
    )
    .option("--context <name>", "kubernetes: context of the kubeconfig (the current one)")
    .option("--registry-push <registry>", "kubernetes: where images are pushed to (or FAAS_REGISTRY_PUSH)")
    .option(
      "--registry-pull <registry>",
      "kubernetes: the same registry as the nodes reach it (or FAAS_REGISTRY_PULL; default as --registry-push)",
    )
    .option(
      "--startup-cpu <cpu>",
      "kubernetes: CPU limit of a replica while it starts",
      parsedOption(parseCpu, "a CPU quantity such as 500m or 1"),
      "1000m",
    )
    .option(
      "--lock-patience <duration>",
      "how long to wait for a server on another machine that has the data folder and may be ending",
      parsedOption(parseDuration, "a duration such as 30s"),
      "0s",
    )
    .addOption(
      new Option("--log-level <level>", "what it logs on stderr (info; on a terminal warn)").choices(LOG_LEVELS),
    )
    .option("--detach", "start it in the background, and return when it takes requests")
    .addHelpText(
      "after",
      "\nCtrl-C finishes what is in flight and stops it (exit code 130); a second one ends it at once.",
    )
    .action(async () => up(command.optsWithGlobals<Options>(), io));
}

async function up(options: Options, io: Io): Promise<void> {
  const dataDir = dataFolder(options.data, io);
  if (options.detach) await detached(options, dataDir, io);
  else await attached(options, dataDir, io);
}

async function attached(options: Options, dataDir: string, io: Io): Promise<void> {
  const { startServer } = await import("@faas/server");
  const { host, port, poolSize, logLevel = io.stderr.isTTY ? "warn" : "info" } = options;
  const lockTimeoutMs = parseDuration(options.lockPatience) as number;
  const kubernetes = kubernetesOptions(options, io);
  const { adminKeyFile, allowImages } = options;
  const tls = tlsOf(options, io);
  const server = await startServer({
    ...authOf(options),
    ...(adminKeyFile === undefined ? {} : { adminKeyFile: resolve(io.cwd, adminKeyFile) }),
    ...(allowImages === undefined ? {} : { allowImages }),
    connections: connectionsOf(options),
    host,
    port,
    dataDir,
    logLevel,
    lockTimeoutMs,
    poolSize,
    isolation: options.isolation,
    readable: readableOf(options, io),
    ...(tls ? { tls } : {}),
    ...(kubernetes ? { kubernetes } : {}),
  }).catch((error) => {
    if (error instanceof FaasError) report({ failed: { code: error.code, message: error.message } });
    throw error;
  });
  try {
    io.stdout.write(`${server.url}\n`);
    const { url, auth, adminToken } = server;
    // Who detached it shows the key; our own stderr is then a file.
    if (process.connected) report({ url, auth, ...(adminToken === undefined ? {} : { adminToken }) });
    else tellAccess({ url, auth, ...(adminToken === undefined ? {} : { adminToken }) }, host, io);
    printStatus(io, `faas is up, its data in ${dataDir}; Ctrl-C stops it`);
    if (!io.signal.aborted) await Promise.race([once(io.signal, "abort"), server.lost]);
    printStatus(io, "Stopping: finishing what is in flight; Ctrl-C again ends at once");
  } finally {
    await server.stop();
  }
}

/** Undefined: the embedded platform. USAGE when an option has no meaning there. */
function kubernetesOptions(options: Options, io: Io): KubernetesServerOptions | undefined {
  const { platform, context, registryPush, registryPull, startupCpu } = options;
  if (platform === "embedded") {
    if (context ?? registryPush ?? registryPull)
      throw new FaasError("USAGE", "--context and --registry-… go with --platform kubernetes");
    return undefined;
  }
  const push = registryPush ?? (io.env.FAAS_REGISTRY_PUSH || undefined);
  const pull = registryPull ?? (io.env.FAAS_REGISTRY_PULL || push);
  const namespace = io.env.FAAS_NAMESPACE || undefined;
  return {
    ...(push && pull ? { registry: { push, pull } } : {}),
    ...(context === undefined ? {} : { context }),
    ...(namespace === undefined ? {} : { namespace }),
    startupCpuMillis: parseCpu(startupCpu) as number,
  };
}

async function detached(options: Options, dataDir: string, io: Io): Promise<void> {
  const { host, port, logLevel, data, platform, poolSize, auth, adminKeyFile, allowImages } = options;
  const { context, registryPush, registryPull, startupCpu, lockPatience } = options;
  const args = ["--port", String(port), "--host", host, "--data", dataDir, "--log-level", logLevel ?? "info"];
  args.push("--platform", platform, "--startup-cpu", startupCpu, "--lock-patience", lockPatience);
  args.push("--pool-size", String(poolSize), "--isolation", options.isolation);
  if (options.readable) args.push("--readable", readableOf(options, io).join(","));
  const tls = tlsOf(options, io);
  if (tls) args.push("--tls-cert", tls.cert, "--tls-key", tls.key);
  if (auth) args.push("--auth", auth);
  if (adminKeyFile) args.push("--admin-key-file", resolve(io.cwd, adminKeyFile));
  if (allowImages) args.push("--allow-images", allowImages.join(","));
  const { total, perAddress } = connectionsOf(options);
  if (total) args.push("--max-connections", String(total));
  if (perAddress) args.push("--max-connections-per-address", String(perAddress));
  if (context) args.push("--context", context);
  if (registryPush) args.push("--registry-push", registryPush);
  if (registryPull) args.push("--registry-pull", registryPull);
  const started = await startDetached(args, dataDir, io.signal);
  const { url, pid, logFile } = started;
  io.stdout.write(`${url}\n`);
  tellAccess(started, host, io);
  printStatus(io, `faas is up: process ${pid}, log ${logFile}. "faas down${data ? ` --data ${data}` : ""}" stops it`);
}

const connectionsOf = ({ maxConnections: total, maxConnectionsPerAddress: perAddress }: Options) => ({
  ...(total === undefined ? {} : { total }),
  ...(perAddress === undefined ? {} : { perAddress }),
});

const paths = (text: string) => text.split(",").filter((each) => each !== "");

const readableOf = ({ readable = [] }: Options, io: Io) => readable.map((path) => resolve(io.cwd, path));

function tlsOf({ tlsCert, tlsKey }: Options, io: Io) {
  if ((tlsCert ?? tlsKey) === undefined) return undefined;
  if (tlsCert !== undefined && tlsKey !== undefined)
    return { cert: resolve(io.cwd, tlsCert), key: resolve(io.cwd, tlsKey) };
  throw new FaasError("USAGE", "--tls-cert and --tls-key go together");
}

const authOf = ({ auth }: Options) => (auth === undefined ? {} : { auth: auth === "on" });

/** What somebody who has just started it has to know of who gets in. */
function tellAccess({ url, auth, adminToken }: ServerAccess, host: string, io: Io): void {
  const { bold, yellow } = colors(io.stderr, io);
  if (!auth && !isLoopback(host))
    printStatus(
      io,
      `${yellow("warning:")} no keys are required, and ${host} is reached from elsewhere: who reaches it can do everything`,
    );
  if (adminToken === undefined) return;
  printStatus(io, "Keys are required. This one administers the server, and is not shown again:");
  printStatus(io, `  ${bold(adminToken)}`);
  printStatus(io, `  ${bold(`faas login --server ${url}`)}  # asks for it, and keeps it`);
}

/** Tells the `faas up --detach` that began this process, when one did. */
function report(message: ServerReport): void {
  if (process.connected) process.send?.(message);
}
