import {
  egresses,
  REPLICAS_MAX,
  runtimes,
  type SettingsInput,
  scalers,
  settingsInputSchema,
  visibilities,
} from "@faas/core";
import { type Command, InvalidArgumentError, Option } from "commander";

/** Deploy settings as commander gives them: the names are those of `faas.json`. */
export type SettingsOptions = SettingsInput & { readonly secret?: Record<string, string> };

/** The flags of what a build has to know. */
export function addRuntimeOptions(command: Command): void {
  command
    .addOption(new Option("--runtime <runtime>", "language (found by itself)").choices(runtimes))
    .option("--handler <file.export>", "which function answers (found by itself)", setting("handler"));
}

/** The flags of all deploy settings; the schema of `faas.json` says the same. */
export function addSettingsOptions(command: Command): void {
  addRuntimeOptions(command);
  command
    .option("--replicas <n>", "replicas while it is in use (default 1)", integerOption(0, REPLICAS_MAX))
    .option(
      "--max-replicas <n>",
      "the most replicas that the scaler may ask for (default 10)",
      integerOption(1, REPLICAS_MAX),
    )
    .addOption(
      new Option("--scaler <scaler>", "what decides the number of replicas (default concurrency)").choices(scalers),
    )
    .option("--concurrency <n>", "requests that one replica handles at a time (default 80)", integerOption(1, 10_000))
    .option(
      "--idle-timeout <duration>",
      "time without a request until it has no replica (default 5m), never, or auto",
      setting("idleTimeout"),
    )
    .option("--timeout <duration>", "time that one request may take (default 30s)", setting("timeout"))
    .option("--cpu <cpu>", "CPU limit of a replica (default 100m)", setting("cpu"))
    .option("--memory <size>", "memory limit of a replica (default 256Mi)", setting("memory"))
    .option("--body-limit <size>", "largest request body (default 6Mi)", setting("bodyLimit"))
    .addOption(
      new Option("--egress <egress>", "where it may connect to (default open); Kubernetes enforces it").choices(
        egresses,
      ),
    )
    .addOption(
      new Option(
        "--visibility <visibility>",
        "who may call it, where keys are required (default private: who has a key)",
      ).choices(visibilities),
    )
    .option("--env <NAME=value>", "variable of the function, no secret; repeated", variable)
    .option(
      "--secret <NAME[=VARIABLE]>",
      "secret of the organization, in a variable of its name or of another; repeated",
      secretReference,
    );
}

/** Only what was given. */
export function settingsOf(options: SettingsOptions): SettingsInput {
  const names = Object.keys(settingsInputSchema.shape) as (keyof SettingsInput)[];
  const given = names.filter((name) => options[name] !== undefined);
  const { secret: secrets } = options;
  return { ...Object.fromEntries(given.map((name) => [name, options[name]])), ...(secrets ? { secrets } : {}) };
}

// Parsers for commander throw what was expected and what came; program.ts puts the option's name before it.

/** A parser of whole numbers within bounds. */
export function integerOption(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`a whole number from ${least} to ${most}, got "${text}"`);
    }
    return value;
  };
}

/** A parser that keeps the text, and refuses what is no such quantity. */
export function parsedOption(parse: (text: string) => number | undefined, expected: string): (text: string) => string {
  return (text) => {
    if (parse(text) === undefined) throw new InvalidArgumentError(`${expected}, got "${text}"`);
    return text;
  };
}

/** A parser that keeps the text, and refuses what the setting's schema refuses. */
function setting(name: keyof SettingsInput): (text: string) => string {
  return (text) => {
    const [issue] = settingsInputSchema.shape[name].safeParse(text).error?.issues ?? [];
    if (!issue) return text;
    const expected = issue.message.replace(/^expected /, "");
    throw new InvalidArgumentError(expected.includes(", got ") ? expected : `${expected}, got "${text}"`);
  };
}

/** Does not say what came: somebody may have put the value where the variable belongs. */
function secretReference(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [name = "", variable = name, ...more] = text.split("=");
  const problem = settingsInputSchema.shape.secrets.safeParse({ [variable]: name }).error?.issues[0];
  const isTwice = Object.hasOwn(before, variable);
  if (problem === undefined && more.length === 0 && !isTwice) return { ...before, [variable]: name };
  const why = isTwice
    ? `each for a variable of its own, and two are for one`
    : problem?.code === "invalid_key" && /set by faas/.test(problem.issues[0]?.message ?? "")
      ? `NAME=VARIABLE with another variable: ${problem.issues[0]?.message}`
      : "the name of a secret, or NAME=VARIABLE (letters, digits, underscores); a value is given by faas secret set";
  throw new InvalidArgumentError(why);
}

function variable(text: string, before: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError(`NAME=value, got "${text}"`);
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}
