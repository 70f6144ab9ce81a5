import {
  type AsyncSettings,
  apps,
  asciiHostname,
  DEFAULT_DISK,
  egresses,
  expectedAndGot,
  HOOK_FORM,
  type Hook,
  hostnameSchema,
  parseHook,
  parseResourceCount,
  parseSource,
  parseSubscription,
  parseWarmWindow,
  REPLICAS_MAX,
  RESOURCE_FORM,
  runtimes,
  type SettingsInput,
  SOURCE_FORM,
  type Source,
  SUBSCRIPTION_FORM,
  type Subscription,
  scalers,
  settingsInputSchema,
  signatures,
  visibilities,
  WARM_WINDOW_FORM,
  type WarmWindow,
  withDefaults,
} from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { parseAsyncSettings } from "./async-settings.ts";
import { toolOption } from "./tool-option.ts";
import { integerOption, optionWithLaterDefault } from "./value-parsers.ts";

/** Deploy settings as commander returns them, named as in `faas.json`. */
export type SettingsOptions = SettingsInput & {
  readonly secret?: Record<string, string>;
  readonly hostname?: readonly string[];
  readonly hook?: readonly Hook[];
  readonly subscription?: readonly Subscription[];
  readonly source?: readonly Source[];
  readonly resource?: Record<string, number>;
};

/** Adds the options of the settings that a build needs. */
export function addRuntimeOptions(command: Command): void {
  command
    .addOption(optionWithLaterDefault("--runtime <runtime>", "Language of the function", "detected").choices(runtimes))
    .addOption(
      optionWithLaterDefault("--handler <file.export>", "Function to call", "detected").argParser(setting("handler")),
    )
    .addOption(optionWithLaterDefault("--app <app>", "How the code serves requests", "detected").choices(apps))
    .addOption(
      optionWithLaterDefault(
        "--signature <signature>",
        "Platform that the function is written for",
        "detected",
      ).choices(signatures),
    )
    .addOption(
      optionWithLaterDefault(
        "--command <command>",
        "Shell command of a server that listens on $PORT",
        "detected",
      ).argParser(setting("command")),
    )
    .addOption(
      optionWithLaterDefault("--ready-path <path>", "Path that responds once a server is ready", "none").argParser(
        setting("readyPath"),
      ),
    );
}

/** Adds the options of all deploy settings, which the schema of `faas.json` describes too. */
export function addSettingsOptions(command: Command): void {
  addRuntimeOptions(command);
  addScalingOptions(command);
  addResourceOptions(command);
  addTriggerOptions(command);
  command
    .addOption(
      optionWithLaterDefault("--egress <egress>", "Allowed connections of the function, on Kubernetes", "open").choices(
        egresses,
      ),
    )
    .addOption(
      optionWithLaterDefault(
        "--visibility <visibility>",
        "Allowed callers, when the server requires keys",
        "private",
      ).choices(visibilities),
    )
    .option("--hostname <name>", "Hostname that an admin allows, such as api.example.com; repeatable", hostname)
    .option("--env <NAME=value>", "Environment variable, not for secrets; repeatable", variable)
    .option(
      "--secret <NAME[=VARIABLE]>",
      "Secret of the organization, and the variable for it; repeatable",
      secretReference,
    );
}

function addScalingOptions(command: Command): void {
  const { replicas, maxReplicas, scaler, concurrency, idleTimeout } = withDefaults({});
  command
    .addOption(
      optionWithLaterDefault("--replicas <n>", "Replicas while the endpoint is in use", replicas).argParser(
        integerOption(0, REPLICAS_MAX),
      ),
    )
    .addOption(
      optionWithLaterDefault("--max-replicas <n>", "Upper limit of the scaler", maxReplicas).argParser(
        integerOption(1, REPLICAS_MAX),
      ),
    )
    .option(
      "--warm <window>",
      'Time with more replicas, such as "0 8 * * 1-5 Europe/Berlin 10h 2"; repeatable',
      warmWindow,
    )
    .addOption(optionWithLaterDefault("--scaler <scaler>", "Scaling algorithm", scaler).choices(scalers))
    .addOption(
      optionWithLaterDefault("--concurrency <n>", "Concurrent requests per replica", concurrency).argParser(
        integerOption(1, 10_000),
      ),
    )
    .addOption(
      optionWithLaterDefault(
        "--idle-timeout <duration>",
        "Time without a request before scaling to zero, never or auto",
        idleTimeout,
      ).argParser(setting("idleTimeout")),
    )
    .addOption(
      optionWithLaterDefault(
        "--keep-warm <duration>",
        "Time for which the previous revision keeps a replica, for a rollback; 0s for none",
        "10m",
      ).argParser(setting("keepWarm")),
    );
}

function addTriggerOptions(command: Command): void {
  command
    .option(
      "--async <key=value>",
      "Rules for asynchronous calls, such as attempts=3,failures=429,5xx; repeatable",
      asyncSettings,
    )
    .option("--hook <hook>", 'Webhook, such as "payments stripe STRIPE_SECRET /paid"; repeatable', hook)
    .option(
      "--subscription <filters>",
      'CloudEvents to get, such as "type=com.example.* source=/orders/*"; repeatable',
      subscription,
    )
    .option(
      "--source <source>",
      'NATS messages to get, such as "subject=acme.orders.>" or "stream=ORDERS"; repeatable',
      source,
    )
    .option("--tool <file>", "JSON file, or JSON, with the description and schemas of a tool for agents", toolOption);
}

function addResourceOptions(command: Command): void {
  const { timeout, cpu, memory, bodyLimit } = withDefaults({});
  command
    .addOption(
      optionWithLaterDefault("--timeout <duration>", "Time limit of a request", timeout).argParser(setting("timeout")),
    )
    .addOption(optionWithLaterDefault("--cpu <cpu>", "CPU limit of a replica", cpu).argParser(setting("cpu")))
    .addOption(
      optionWithLaterDefault(
        "--cpu-max <cpu>",
        "CPU limit that load may raise it to, on Kubernetes",
        "the server's, or --cpu",
      ).argParser(setting("cpuMax")),
    )
    .addOption(
      optionWithLaterDefault("--memory <size>", "Memory limit of a replica", memory).argParser(setting("memory")),
    )
    .addOption(
      optionWithLaterDefault(
        "--disk <size>",
        "Limit of a replica's files in /tmp, on Kubernetes",
        DEFAULT_DISK,
      ).argParser(setting("disk")),
    )
    .option(
      "--resource <name=n>",
      "Extended resource of a replica that an admin allows, such as nvidia.com/gpu=1; repeatable",
      extendedResource,
    )
    .addOption(
      optionWithLaterDefault("--body-limit <size>", "Size limit of a request body", bodyLimit).argParser(
        setting("bodyLimit"),
      ),
    );
}

/** Returns the given settings, without defaults. */
export function settingsOf(options: SettingsOptions): SettingsInput {
  const names = Object.keys(settingsInputSchema.shape) as (keyof SettingsInput)[];
  const given = names.filter((name) => options[name] !== undefined);
  const {
    secret: secrets,
    hostname: hostnames,
    hook: hooks,
    subscription: subscriptions,
    source: sources,
    resource: resources,
  } = options;
  return {
    ...Object.fromEntries(given.map((name) => [name, options[name]])),
    ...(secrets ? { secrets } : {}),
    ...(hostnames ? { hostnames } : {}),
    ...(hooks ? { hooks } : {}),
    ...(subscriptions ? { subscriptions } : {}),
    ...(sources ? { sources } : {}),
    ...(resources ? { resources } : {}),
  };
}

/** Returns a parser that keeps the text and rejects it when the schema of the setting does. */
function setting(name: keyof SettingsInput): (text: string) => string {
  return (text) => {
    const [issue] = settingsInputSchema.shape[name].safeParse(text).error?.issues ?? [];
    if (!issue) return text;
    const expected = issue.message.replace(/^expected /, "");
    throw new InvalidArgumentError(expected.includes(", got ") ? expected : `${expected}, got "${text}"`);
  };
}

const warmWindow = (text: string, previous: readonly WarmWindow[] = []): readonly WarmWindow[] => [
  ...previous,
  listed("warm", text, parseWarmWindow(text), WARM_WINDOW_FORM),
];

const hook = (text: string, previous: readonly Hook[] = []): readonly Hook[] => [
  ...previous,
  listed("hooks", text, parseHook(text), HOOK_FORM),
];

const subscription = (text: string, previous: readonly Subscription[] = []): readonly Subscription[] => [
  ...previous,
  listed("subscriptions", text, parseSubscription(text), SUBSCRIPTION_FORM),
];

const source = (text: string, previous: readonly Source[] = []): readonly Source[] => [
  ...previous,
  listed("sources", text, parseSource(text), SOURCE_FORM),
];

/** Checks an entry of a setting that is a list. */
function listed<Item>(
  name: "warm" | "hooks" | "subscriptions" | "sources",
  text: string,
  item: Item | undefined,
  form: string,
): Item {
  if (item === undefined) throw new InvalidArgumentError(`${form}, got "${text}"`);
  const [issue] = settingsInputSchema.shape[name].safeParse([item], { error: expectedAndGot }).error?.issues ?? [];
  if (issue) throw new InvalidArgumentError(issue.message.replace(/^expected /, ""));
  return item;
}

function extendedResource(text: string, previous: Record<string, number> = {}): Record<string, number> {
  const resource = parseResourceCount(text);
  if (resource === undefined) throw new InvalidArgumentError(`${RESOURCE_FORM}, got "${text}"`);
  const parsed = settingsInputSchema.shape.resources.safeParse(resource, { error: expectedAndGot });
  const [issue] = parsed.error?.issues ?? [];
  if (issue) throw new InvalidArgumentError(`${RESOURCE_FORM}, got "${text}"`);
  return { ...previous, ...resource };
}

const asyncSettings = (text: string, previous: AsyncSettings = {}): AsyncSettings => ({
  ...previous,
  ...parseAsyncSettings(text, "the `--async` option"),
});

function hostname(text: string, previous: readonly string[] = []): readonly string[] {
  const name = asciiHostname(text);
  const [issue] = hostnameSchema.safeParse(name).error?.issues ?? [];
  if (issue) throw new InvalidArgumentError(issue.message.replace(/^expected /, ""));
  return [...previous, name];
}

/** Parses NAME[=VARIABLE]. The error does not repeat the text: the user may have put the secret value there. */
function secretReference(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const [name = "", variable = name, ...more] = text.split("=");
  const problem = settingsInputSchema.shape.secrets.safeParse({ [variable]: name }).error?.issues[0];
  const isDuplicate = Object.hasOwn(previous, variable);
  if (problem === undefined && more.length === 0 && !isDuplicate) return { ...previous, [variable]: name };
  if (isDuplicate) throw new InvalidArgumentError("given once per variable, got two secrets for one variable");
  const isReserved = problem?.code === "invalid_key" && /set by faas/.test(problem.issues[0]?.message ?? "");
  throw new InvalidArgumentError(
    isReserved
      ? `NAME=VARIABLE with another variable: ${problem.issues[0]?.message}`
      : "the name of a secret, or NAME=VARIABLE (letters, digits, underscores). Set the value with faas secret set",
  );
}

function variable(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError(`NAME=value, got "${text}"`);
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}
