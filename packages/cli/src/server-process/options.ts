import { resolve } from "node:path";
import { DEFAULT_PORT, FaasError, parseCpu, parseDuration } from "@faas/core";
import type { KubernetesServerOptions, ReplaceableServerOptions, ServerOptions } from "@faas/server";
import { type Command, Option } from "commander";
import { ALLOW_IMAGES_DESCRIPTION, parseAllowedImages } from "../options/allow-images.ts";
import { type ConnectionSettings, connectionLimits } from "../options/connection-limits.ts";
import { baseRegistryOption } from "../options/image-options.ts";
import { type LogSettings, logOptions } from "../options/log-options.ts";
import { listed, type TlsSettings, tlsFiles } from "../options/tls-files.ts";
import { integerOption, optionWithLaterDefault, parsedOption, poolSizeOption } from "../options/value-parsers.ts";
import { programFile } from "../project/program-command.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printWarning } from "../terminal/output.ts";
import { DATA_OPTION_DEFAULT } from "./data-folder.ts";

/** Options of `faas up`. */
export interface UpOptions extends GlobalOptions, LogSettings, TlsSettings, ConnectionSettings {
  readonly port: number;
  readonly host: string;
  readonly data?: string;
  readonly auth?: "on" | "off";
  readonly adminKeyFile?: string;
  readonly allowImages?: readonly string[];
  readonly registryHookTokenFile?: string;
  readonly platform: "embedded" | "kubernetes";
  readonly poolSize: number;
  readonly isolation: "auto" | "required" | "off";
  readonly readable?: readonly string[];
  readonly context?: string;
  readonly registryPush?: string;
  readonly baseRegistry?: string;
  readonly registryPull?: string;
  readonly startupCpu: string;
  readonly cpuMax?: string;
  readonly lockTimeout?: string;
  /** Deprecated name of `lockTimeout`. */
  readonly lockPatience?: string;
  readonly logLevel?: string;
  readonly detach?: boolean;
  readonly takeover?: boolean;
  readonly gateways?: number;
  readonly controlListen?: string;
  readonly gatewayTokenFile?: string;
  readonly queue?: string;
  readonly queueCredentials?: string;
}

const CPU = "a CPU quantity such as 500m or 1";
const DURATION = "a duration such as 30s";
const NO_LOCK_TIMEOUT = "0s";
const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"];

/** Adds the options of `faas up`. */
export function addUpOptions(command: Command): Command {
  addNetworkOptions(command);
  addAccessOptions(command);
  command
    .addOption(
      optionWithLaterDefault("--data <dir>", "Folder for state, bundles and logs (or FAAS_DATA)", DATA_OPTION_DEFAULT),
    )
    .addOption(
      new Option("--platform <platform>", "Platform that runs replicas")
        .choices(["embedded", "kubernetes"])
        .default("embedded"),
    );
  addEmbeddedOptions(command);
  addKubernetesOptions(command);
  addGatewaysOptions(command);
  addQueueOptions(command);
  for (const option of logOptions()) command.addOption(option);
  return command
    .addOption(
      optionWithLaterDefault(
        "--lock-timeout <duration>",
        "Time to wait for another machine's server to release the data folder",
        NO_LOCK_TIMEOUT,
      ).argParser(parsedOption(parseDuration, DURATION)),
    )
    .addOption(
      new Option("--lock-patience <duration>", "Deprecated: use --lock-timeout")
        .argParser(parsedOption(parseDuration, DURATION))
        .hideHelp(),
    )
    .addOption(
      optionWithLaterDefault("--log-level <level>", "Level of the log on stderr", "info, on a terminal warn").choices(
        LOG_LEVELS,
      ),
    )
    .option("--detach", "Run in the background; return when the server is ready")
    .option("--takeover", "embedded: Replace the server that runs on the data folder, without failing a call");
}

function addNetworkOptions(command: Command): void {
  command
    .option("--port <port>", "Port to listen on; 0 for any free one", integerOption(0, 65_535), DEFAULT_PORT)
    .option("--host <host>", "Address to listen on", "127.0.0.1")
    .option("--tls-cert <file>", "Certificate chain for HTTPS, PEM; reloaded when it changes; repeatable", listed)
    .option("--tls-key <file>", "Private key of the certificate, PEM; repeatable, in the same order", listed)
    .addOption(
      optionWithLaterDefault(
        "--max-connections <number>",
        "Client connections at a time",
        "half of the open files limit, at most 20000",
      ).argParser(integerOption(1, 1_000_000)),
    )
    .addOption(
      optionWithLaterDefault(
        "--max-connections-per-address <number>",
        "Of these, from one address; a proxy is one address",
        "half",
      ).argParser(integerOption(1, 1_000_000)),
    );
}

function addAccessOptions(command: Command): void {
  command
    .addOption(
      optionWithLaterDefault("--auth <on|off>", "Require keys", "off on a loopback address, else on").choices([
        "on",
        "off",
      ]),
    )
    .option("--admin-key-file <file>", "File with the id and SHA-256 of an admin key that is kept elsewhere, ID:HASH")
    .option("--allow-images <prefixes>", `kubernetes: ${ALLOW_IMAGES_DESCRIPTION}`, parseAllowedImages)
    .option(
      "--registry-hook-token-file <file>",
      "kubernetes: File with the token of registries that report pushed images",
    );
}

function addEmbeddedOptions(command: Command): void {
  command
    .option(
      "--pool-size <number>",
      "Prewarmed processes per runtime; kubernetes: warm pods per environment of an organization",
      poolSizeOption,
      1,
    )
    .addOption(
      new Option("--isolation <mode>", "embedded: Isolate functions from the server's files and processes")
        .choices(["auto", "required", "off"])
        .default("auto"),
    )
    .option("--readable <paths>", "embedded: Other paths that functions may read, separated by commas", splitPaths);
}

function addKubernetesOptions(command: Command): void {
  command
    .addOption(optionWithLaterDefault("--context <name>", "kubernetes: Context of the kubeconfig", "the current one"))
    .option("--registry-push <registry>", "kubernetes: Registry to push images to (or FAAS_REGISTRY_PUSH)")
    .addOption(
      optionWithLaterDefault(
        "--registry-pull <registry>",
        "kubernetes: Address of that registry for the nodes (or FAAS_REGISTRY_PULL)",
        "--registry-push",
      ),
    )
    .addOption(baseRegistryOption("kubernetes: "))
    .option("--startup-cpu <cpu>", "kubernetes: CPU limit of a starting replica", parsedOption(parseCpu, CPU), "1000m")
    .addOption(
      optionWithLaterDefault(
        "--cpu-max <cpu>",
        "kubernetes: CPU limit that load may raise that of a replica to, unless its endpoint has one",
        "the endpoint's --cpu",
      ).argParser(parsedOption(parseCpu, CPU)),
    );
}

function addGatewaysOptions(command: Command): void {
  command
    .addOption(
      optionWithLaterDefault(
        "--gateways <number>",
        "Serve calls by processes of their own, which share the port",
        "in the server's process",
      ).argParser(integerOption(1, 64)),
    )
    .option("--control-listen <address>", "Serve no calls, but gateways on other machines, at HOST:PORT")
    .option("--gateway-token-file <file>", "File with the token of these gateways");
}

function addQueueOptions(command: Command): void {
  command
    .addOption(
      optionWithLaterDefault(
        "--queue <url>",
        "NATS server for the queue, nats://HOST:PORT or tls://HOST:PORT (or FAAS_QUEUE)",
        "in the data folder",
      ),
    )
    .option("--queue-credentials <file>", "File with the credentials for it (or FAAS_QUEUE_CREDENTIALS)");
}

/** Command of a gateway, up to its options. */
const gatewayCommand = (): [string, ...string[]] => [process.execPath, programFile, "gateway"];

const splitPaths = (text: string) => text.split(",").filter((path) => path !== "");

/**
 * Converts the options of `faas up` to those of the server.
 *
 * @throws USAGE when options contradict each other
 */
export function serverOptions(options: UpOptions, dataDir: string, io: Io): ReplaceableServerOptions {
  const { host, port, poolSize, isolation, auth, adminKeyFile, allowImages, accessLog, logRequestIds, takeover } =
    options;
  const { registryHookTokenFile } = options;
  const { logLevel = io.stderr.isTTY ? "warn" : "info" } = options;
  const kubernetes = kubernetesOptions(options, io);
  const tls = tlsFiles(options, io.cwd);
  return {
    ...(auth === undefined ? {} : { auth: auth === "on" }),
    ...(adminKeyFile === undefined ? {} : { adminKeyFile: resolve(io.cwd, adminKeyFile) }),
    ...(allowImages === undefined ? {} : { allowImages }),
    ...(registryHookTokenFile === undefined ? {} : { registryHookTokenFile: resolve(io.cwd, registryHookTokenFile) }),
    connections: connectionLimits(options),
    ...{ host, port, dataDir, logLevel, poolSize, isolation, accessLog: accessLog !== "off" },
    logRequestIds: logRequestIds !== "off",
    lockTimeoutMs: parseDuration(lockTimeout(options)) as number,
    readable: readablePaths(options, io),
    tls,
    env: io.env,
    ...(takeover === undefined ? {} : { takeover }),
    ...(kubernetes ? { kubernetes } : {}),
    ...gatewaysOptions(options, io),
    ...queueOptions(options, io),
  };
}

/** @throws USAGE */
function queueOptions({ queue, queueCredentials }: UpOptions, io: Io): Pick<ServerOptions, "queue"> {
  const url = queue ?? (io.env.FAAS_QUEUE || undefined);
  const file = queueCredentials ?? (io.env.FAAS_QUEUE_CREDENTIALS || undefined);
  if (url === undefined) {
    if (queueCredentials !== undefined) throw new FaasError("USAGE", "--queue-credentials requires --queue");
    return {};
  }
  return { queue: { url, ...(file === undefined ? {} : { credentialsFile: resolve(io.cwd, file) }) } };
}

/** @throws USAGE */
function gatewaysOptions(
  { gateways, controlListen, gatewayTokenFile }: UpOptions,
  io: Io,
): Pick<ServerOptions, "gateways"> {
  if (controlListen === undefined && gatewayTokenFile === undefined)
    return gateways === undefined ? {} : { gateways: { processes: { count: gateways, command: gatewayCommand() } } };
  if (controlListen === undefined || gatewayTokenFile === undefined)
    throw new FaasError("USAGE", "Expected --control-listen and --gateway-token-file together, got only one of them");
  if (gateways !== undefined)
    throw new FaasError(
      "USAGE",
      "--gateways starts gateways on this machine, --control-listen is for others: choose one",
    );
  const { host, port } = /^(?<host>\[.+\]|[^:]+):(?<port>\d+)$/.exec(controlListen)?.groups ?? {};
  if (host === undefined)
    throw new FaasError("USAGE", `Expected HOST:PORT in --control-listen, got "${controlListen}"`);
  return {
    gateways: {
      listen: { host: host.replace(/^\[|\]$/g, ""), port: Number(port), tokenFile: resolve(io.cwd, gatewayTokenFile) },
    },
  };
}

/** Converts the options of `faas up` to the arguments of a server in the background, whose working directory is another. */
export function serverArguments(options: UpOptions, dataDir: string, io: Io): string[] {
  const { host, port, logLevel = "info", platform, poolSize, isolation, startupCpu, cpuMax } = options;
  const { accessLog, logRequestIds, auth, adminKeyFile, allowImages, readable, context, registryPush, registryPull } =
    options;
  const tls = tlsFiles(options, io.cwd);
  const { total, perAddress } = connectionLimits(options);
  const values = {
    ...{ port, host, data: dataDir, "log-level": logLevel, platform, "startup-cpu": startupCpu },
    "cpu-max": cpuMax,
    ...{ "lock-timeout": lockTimeout(options), "pool-size": poolSize, isolation, auth, context },
    "access-log": accessLog,
    "log-request-ids": logRequestIds,
    readable: readable && readablePaths(options, io).join(","),
    "admin-key-file": adminKeyFile && resolve(io.cwd, adminKeyFile),
    "allow-images": allowImages?.join(","),
    "registry-hook-token-file": options.registryHookTokenFile && resolve(io.cwd, options.registryHookTokenFile),
    "max-connections": total,
    "max-connections-per-address": perAddress,
    "registry-push": registryPush,
    "registry-pull": registryPull,
    "base-registry": options.baseRegistry,
    gateways: options.gateways,
    "control-listen": options.controlListen,
    "gateway-token-file": options.gatewayTokenFile && resolve(io.cwd, options.gatewayTokenFile),
    queue: options.queue,
    "queue-credentials": options.queueCredentials && resolve(io.cwd, options.queueCredentials),
  };
  return [
    ...Object.entries(values).flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [`--${name}`, String(value)],
    ),
    ...tls.flatMap(({ cert, key }) => ["--tls-cert", cert, "--tls-key", key]),
    ...(options.takeover ? ["--takeover"] : []),
  ];
}

/** Reports options that have a new name. They still work. */
export function reportDeprecated({ lockPatience }: UpOptions, io: Io): void {
  if (lockPatience !== undefined) printWarning(io, "--lock-patience is deprecated: use --lock-timeout");
}

const lockTimeout = ({ lockTimeout: timeout, lockPatience }: UpOptions): string =>
  timeout ?? lockPatience ?? NO_LOCK_TIMEOUT;

/** Returns undefined for the embedded platform. */
function kubernetesOptions(options: UpOptions, io: Io): KubernetesServerOptions | undefined {
  const { platform, context, registryPush, registryPull, poolSize, startupCpu, cpuMax } = options;
  if (platform === "embedded") {
    if (context ?? registryPush ?? registryPull ?? options.baseRegistry)
      throw new FaasError(
        "USAGE",
        "--context, --registry-push, --registry-pull and --base-registry require --platform kubernetes",
      );
    return undefined;
  }
  const push = registryPush ?? (io.env.FAAS_REGISTRY_PUSH || undefined);
  const pull = registryPull ?? (io.env.FAAS_REGISTRY_PULL || push);
  const baseRegistry = options.baseRegistry ?? (io.env.FAAS_BASE_REGISTRY || undefined);
  const namespace = io.env.FAAS_NAMESPACE || undefined;
  return {
    ...(baseRegistry === undefined ? {} : { baseRegistry }),
    ...(push && pull ? { registry: { push, pull } } : {}),
    ...(context === undefined ? {} : { context }),
    ...(namespace === undefined ? {} : { namespace }),
    poolSize,
    startupCpuMillis: parseCpu(startupCpu) as number,
    ...(cpuMax === undefined ? {} : { cpuMaxMillis: parseCpu(cpuMax) as number }),
  };
}

const readablePaths = ({ readable = [] }: UpOptions, io: Io) => readable.map((path) => resolve(io.cwd, path));
