import { parseCpu, parseDuration, parseSize } from "@faas/core";
import type { Exposure, InstallSettings } from "@faas/installer";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ALLOW_IMAGES_DESCRIPTION, parseAllowedImages } from "../options/allow-images.ts";
import { baseRegistryOption } from "../options/image-options.ts";
import { logOptions } from "../options/log-options.ts";
import { integerOption, optionWithLaterDefault, parsedOption, poolSizeOption } from "../options/value-parsers.ts";
import type { GlobalOptions } from "../terminal/io.ts";
import { type OutputFormat, outputOption } from "../terminal/output.ts";
import { addClusterOptions } from "./cluster-options.ts";
import { addRouteOptions } from "./route-options.ts";
import { addSecretOptions, type SecretOptions } from "./secret-options.ts";

/** Options of `faas install` and `faas upgrade`. */
export interface InstallOptions extends GlobalOptions, Partial<InstallSettings>, SecretOptions {
  readonly namespace: string;
  readonly image?: string;
  readonly context?: string;
  readonly timeout: string;
  readonly dryRun?: boolean;
  /** Folder for a Helm chart. */
  readonly chart?: string;
  readonly output: OutputFormat;
}

const EXPOSURES: readonly Exposure[] = ["none", "hostport", "nodeport", "loadbalancer", "ingress", "gateway"];

/** Adds the options of `faas install` and `faas upgrade`. */
export function addInstallOptions(command: Command): Command {
  addClusterOptions(command);
  addServerOptions(command);
  addRouteOptions(command);
  addTraceOptions(command);
  addSecretOptions(command);
  for (const option of logOptions()) command.addOption(option);
  return command
    .option("--image <reference>", "Existing image of the server to install instead of a build")
    .addOption(timeoutOption("Time to wait until the server responds"))
    .option("--dry-run", "Print the objects and change nothing")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nSettings that are not given stay as installed. Requires Docker, unless --image names an existing image.",
    );
}

const MAX_GATEWAYS = 100;
const CPU = "a CPU quantity such as 500m or 1";

/** Parses a number of gateways, or the bounds of one. */
function gatewayNumber(text: string): string {
  const [, min = "", max = min] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(text) ?? [];
  const isFixed = min === max;
  if (min !== "" && Number(max) <= MAX_GATEWAYS && (isFixed || (Number(min) >= 1 && Number(min) < Number(max))))
    return isFixed ? String(Number(min)) : `${Number(min)}-${Number(max)}`;
  throw new InvalidArgumentError(
    `a number from 0 to ${MAX_GATEWAYS}, or a range of numbers from 1 on such as 2-10, got "${text}"`,
  );
}

/** Creates the option `--timeout`. */
export const timeoutOption = (description: string) =>
  new Option("--timeout <duration>", description)
    .argParser(parsedOption(parseDuration, "a duration such as 2m"))
    .default("2m");

/** Adds the options for traces. Other variables of OpenTelemetry come from a Secret (docs/traces.md). */
function addTraceOptions(command: Command): void {
  command
    .option("--otlp <url>", "OTLP/HTTP endpoint that spans are sent to; none turns traces off", otlpUrl)
    .addOption(
      optionWithLaterDefault(
        "--trace-ratio <share>",
        "Share of new traces that are recorded, from 0 to 1",
        "1",
      ).argParser(parsedOption(share, "a number from 0 to 1")),
    );
}

function otlpUrl(text: string): string {
  if (text === "none" || (URL.canParse(text) && /^https?:/.test(text))) return text;
  throw new InvalidArgumentError(`an address such as http://collector.monitoring:4318, or none, got "${text}"`);
}

function share(text: string): number | undefined {
  const value = Number(text);
  return text.trim() !== "" && value >= 0 && value <= 1 ? value : undefined;
}

/** Adds the options of the server, which an upgrade keeps when they are not given. */
function addServerOptions(command: Command): void {
  command
    .addOption(
      optionWithLaterDefault("--storage <size>", "Size of the server's volume", "1Gi").argParser(
        parsedOption(parseSize, "a size such as 1Gi"),
      ),
    )
    .addOption(
      optionWithLaterDefault("--storage-class <class>", "Storage class of the volume", "the cluster's default"),
    )
    .addOption(optionWithLaterDefault("--expose <how>", "Access from outside the cluster", "none").choices(EXPOSURES))
    .addOption(
      optionWithLaterDefault(
        "--gateways <number>",
        "Gateways in pods of their own, or a range such as 2-10 to autoscale; 0: the server is the gateway",
        "2, with --expose hostport 0",
      ).argParser(gatewayNumber),
    )
    .option("--registry-push <registry>", "Registry to push images to (or FAAS_REGISTRY_PUSH)")
    .addOption(
      optionWithLaterDefault(
        "--registry-pull <registry>",
        "Address of that registry for the nodes (or FAAS_REGISTRY_PULL)",
        "--registry-push",
      ),
    )
    .addOption(baseRegistryOption())
    .addOption(
      optionWithLaterDefault("--startup-cpu <cpu>", "CPU limit of a starting replica", "1000m").argParser(
        parsedOption(parseCpu, CPU),
      ),
    )
    .addOption(
      optionWithLaterDefault(
        "--cpu-max <cpu>",
        "CPU limit that load may raise that of a replica to, unless its endpoint has one",
        "none",
      ).argParser(parsedOption((text) => (text === "none" ? 0 : parseCpu(text)), `${CPU}, or none`)),
    )
    .addOption(
      optionWithLaterDefault(
        "--pool-size <number>",
        "Warm pods per environment of an organization: a base image with dependencies",
        "1",
      ).argParser(poolSizeOption),
    )
    .addOption(optionWithLaterDefault("--auth <on|off>", "Require keys", "on").choices(["on", "off"]))
    .option("--allow-images <prefixes>", ALLOW_IMAGES_DESCRIPTION, (text: string) => parseAllowedImages(text).join(","))
    .option(
      "--tls-secret <name>",
      "Secret (kubernetes.io/tls) with a certificate for HTTPS, also of the Ingress or Gateway; repeatable; none returns to HTTP",
      (name: string, previous?: string) => (previous === undefined ? name : `${previous},${name}`),
    )
    .option("--max-connections <number>", "Client connections at a time, as for faas up", integerOption(1, 1_000_000))
    .option("--max-connections-per-address <number>", "Of these, from one address", integerOption(1, 1_000_000));
}
