import { parseCpu, parseDuration, parseSize, REPLICAS_MAX, runtimes, type SettingsInput, scalers } from "@faas/core";
import { type Command, InvalidArgumentError, Option } from "commander";

/** Deploy settings as commander gives them. */
export interface SettingsOptions {
  readonly runtime?: SettingsInput["runtime"];
  readonly handler?: string;
  readonly replicas?: number;
  readonly maxReplicas?: number;
  readonly scaler?: SettingsInput["scaler"];
  readonly concurrency?: number;
  readonly idleTimeout?: string;
  readonly timeout?: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly bodyLimit?: string;
  readonly env?: Record<string, string>;
}

/** The flags of all deploy settings; what each means is in docs/cli.md and in the schema of `faas.json`. */
export function addSettingsOptions(command: Command): void {
  command
    .addOption(new Option("--runtime <runtime>", "language (found by itself)").choices(runtimes))
    .option("--handler <file.export>", "which function answers (found by itself)")
    .option("--replicas <n>", "replicas while it is in use (default 1)", whole(0, REPLICAS_MAX))
    .option("--max-replicas <n>", "the most replicas that the scaler may ask for (default 10)", whole(1, REPLICAS_MAX))
    .addOption(
      new Option("--scaler <scaler>", "what decides the number of replicas (default concurrency)").choices(scalers),
    )
    .option("--concurrency <n>", "requests that one replica handles at a time (default 80)", whole(1, 10_000))
    .option("--idle-timeout <duration>", "time without a request until it has no replica (default 5m), or never", idle)
    .option(
      "--timeout <duration>",
      "time that one request may take (default 30s)",
      quantity(parseDuration, "a duration such as 300ms, 30s or 5m"),
    )
    .option(
      "--cpu <cpu>",
      "CPU limit of a replica (default 100m)",
      quantity(parseCpu, "a CPU quantity such as 100m or 0.5"),
    )
    .option(
      "--memory <size>",
      "memory limit of a replica (default 256Mi)",
      quantity(parseSize, "a size such as 128Mi or 1Gi"),
    )
    .option(
      "--body-limit <size>",
      "largest request body (default 6Mi)",
      quantity(parseSize, "a size such as 128Ki or 6Mi"),
    )
    .option("--env <NAME=value>", "variable of the function; repeated", variable);
}

/** Only what was given. */
export function settingsOf(options: SettingsOptions): SettingsInput {
  const {
    runtime,
    handler,
    replicas,
    maxReplicas,
    scaler,
    concurrency,
    idleTimeout,
    timeout,
    cpu,
    memory,
    bodyLimit,
    env,
  } = options;
  const all = {
    runtime,
    handler,
    replicas,
    maxReplicas,
    scaler,
    concurrency,
    idleTimeout,
    timeout,
    cpu,
    memory,
    bodyLimit,
    env,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A parser of whole numbers within bounds, for commander. */
export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}, got "${text}".`);
    }
    return value;
  };
}

/** A parser that keeps the text, and refuses what is no such quantity. */
export function quantity(parse: (text: string) => number | undefined, expected: string): (text: string) => string {
  return (text) => {
    if (parse(text) === undefined) throw new InvalidArgumentError(`Expected ${expected}, got "${text}".`);
    return text;
  };
}

const idle = (text: string) =>
  text === "never" ? text : quantity(parseDuration, "a duration such as 30s or 5m, or never")(text);

function variable(text: string, before: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError(`Expected NAME=value, got "${text}".`);
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}
