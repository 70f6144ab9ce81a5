import { DEFAULT_PORT, parseDuration } from "@faas/core";
import { type Command, Option } from "commander";
import type { ConnectionSettings } from "../options/connection-limits.ts";
import { listed, type TlsSettings } from "../options/tls-files.ts";
import { integerOption, optionWithLaterDefault, parsedOption } from "../options/value-parsers.ts";
import type { GlobalOptions } from "../terminal/io.ts";

/** Options of `faas gateway`. */
export interface GatewayOptions extends GlobalOptions, TlsSettings, ConnectionSettings {
  readonly control: string;
  readonly gatewayTokenFile?: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly reusePort?: number;
  readonly peerListen?: string;
  readonly peerAddress?: string;
  readonly kubernetes?: boolean;
  readonly drain: string;
  readonly finish: string;
  readonly accessLog: "on" | "off";
  readonly logLevel: "silent" | "error" | "warn" | "info" | "debug";
}

const DURATION = "a duration such as 30s";

/** Adds the options of `faas gateway`. */
export function addGatewayOptions(command: Command): Command {
  command
    .requiredOption("--control <address>", "Control server: unix:PATH or http://HOST:PORT")
    .option("--gateway-token-file <file>", "File with the token of gateways; not needed with a Unix socket")
    .requiredOption("--name <name>", "Name of this gateway, unique among those of the control server")
    .option("--host <host>", "Address to listen on", "127.0.0.1")
    .option("--port <port>", "Port to listen on; 0 for any free one", integerOption(0, 65_535), DEFAULT_PORT)
    .option("--reuse-port <number>", "Number of gateways of this machine that share the port", integerOption(1, 64))
    .option("--peer-listen <address>", "Address for other gateways: unix:PATH or HOST:PORT")
    .addOption(
      optionWithLaterDefault("--peer-address <address>", "The same, as other gateways reach it", "--peer-listen"),
    )
    .option("--kubernetes", "Follow replicas, and start them while the control server is unavailable")
    .option("--drain <duration>", "At the end, time for new and idle connections", parsedDuration, "0s")
    .option("--finish <duration>", "At the end, time for calls in progress after that", parsedDuration, "10s")
    .option("--tls-cert <file>", "Certificate chain for HTTPS, PEM; reloaded when it changes; repeatable", listed)
    .option("--tls-key <file>", "Private key of the certificate, PEM; repeatable, in the same order", listed);
  return command
    .addOption(new Option("--access-log <on|off>", "Record a line for each call").choices(["on", "off"]).default("on"))
    .option("--max-connections <number>", "Client connections at a time", integerOption(1, 1_000_000))
    .option("--max-connections-per-address <number>", "Of these, from one address", integerOption(1, 1_000_000))
    .addOption(
      new Option("--log-level <level>", "Level of the log on stderr")
        .choices(["silent", "error", "warn", "info", "debug"])
        .default("info"),
    );
}

const parsedDuration = parsedOption(parseDuration, DURATION);
