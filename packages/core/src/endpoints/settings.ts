import { z } from "zod";
import { hostnameSchema } from "../hostname-schemas.ts";
import { normalizedHostnames } from "../hostnames.ts";
import { extendedResourcesSchema, normalizedResources, storedResources } from "../placement/extended-resources.ts";
import {
  normalizedSchedules,
  schedulesProblem,
  schedulesSchema,
  storedSchedules,
} from "../schedules/schedule-settings.ts";
import { storedTool, toolSettingsSchema } from "../tools/tool-settings.ts";
import { hooksProblem, hooksSchema, storedHooks } from "../triggers/hook-settings.ts";
import { requestPathSchema } from "../triggers/request-path-schema.ts";
import { sourcesProblem, sourcesSchema, storedSources } from "../triggers/source-settings.ts";
import { storedSubscriptions, subscriptionsSchema } from "../triggers/subscription-settings.ts";
import { parseCpu } from "../units.ts";
import {
  asyncSettingsProblem,
  asyncSettingsSchema,
  normalizedAsyncSettings,
  storedAsyncSettings,
} from "./async-settings.ts";
import { cpuQuantity, DAY_MS, duration, REPLICAS_MAX, size } from "./quantity-schemas.ts";
import { secretName, VARIABLE, WITHOUT_NUL } from "./secrets.ts";
import { storedWarmWindows, warmWindowsSchema } from "./warm-windows.ts";
import { warmest } from "./warmest.ts";

/** Settings of an endpoint, in the user's notation: the same in `faas.json`, in the API and in the state file. */

/** Languages with a wrapper. */
export const languages = ["node", "typescript", "python"] as const;
/** Runtimes of endpoints. `binary`: the folder has a program of its own, which needs no language. `dockerfile`: the folder's own Dockerfile builds an image of any server that listens on `$PORT`. */
export const runtimes = [...languages, "binary", "dockerfile"] as const;
/**
 * Ways in which an endpoint's code serves requests. `function`: a handler that is called with the arguments of its signature. `http`: a Node module that listens, or exports an
 * application or a `(request, response)` handler. `fetch`: a web-standard `fetch(request)`. `wsgi`, `asgi`: a Python application. `server`: a command that listens on `$PORT`.
 * `static`: a folder of files.
 */
export const apps = ["function", "http", "fetch", "wsgi", "asgi", "server", "static"] as const;
/** Conventions for the arguments and the result of a function. `faas`: `handler(event, context)` of docs/wrapper-protocol.md. */
export const signatures = ["faas", "lambda", "gcf", "cloudevents", "openfaas", "knative"] as const;
export const scalers = ["concurrency", "cpu", "fixed"] as const;
export const visibilities = ["private", "public"] as const;
export const egresses = ["open", "none"] as const;
export type Language = (typeof languages)[number];
/** Returns true for a runtime that is a language. */
export const isLanguage = (runtime: string): runtime is Language => languages.some((each) => each === runtime);
export type Runtime = (typeof runtimes)[number];
export type App = (typeof apps)[number];
export type Signature = (typeof signatures)[number];
export type Visibility = (typeof visibilities)[number];
export type Egress = (typeof egresses)[number];
export type Scaler = (typeof scalers)[number];

/** Maximum number of hostnames of an endpoint. */
const HOSTNAMES_MAX = 100;

const environmentName = z
  .string()
  .regex(VARIABLE, "expected a variable's name to be letters, digits and underscores")
  .refine(
    (name) => !name.startsWith("FAAS_") && name !== "PORT",
    "PORT and names that begin with FAAS_ are set by faas",
  )
  .meta({ not: { pattern: "^(?:FAAS_|PORT$)" } });

/** Schema of a variable's value, which cannot contain NUL. */
const environmentValue = z
  .string()
  .refine((text) => !text.includes("\0"), "expected text without NUL")
  .meta({ pattern: WITHOUT_NUL });

/** `file.export`, written for all regular expression engines. */
const HANDLER = String.raw`^[^\s\x00:]+\.[A-Za-z_$][A-Za-z0-9_$]*$`;

const handlerSchema = z
  .string()
  .regex(new RegExp(HANDLER), 'expected "file.export", for example "index.handler"')
  .describe('Function to call: "file.export", the file without its extension. Detected when absent');

/** Schema of the command of a server: a shell command, or a program with its arguments. */
const commandSchema = z.union([environmentValue.min(1), z.array(environmentValue).min(1).readonly()]);

/** Schema of the settings of a deployment, all optional. */
export const settingsInputSchema = z.strictObject({
  runtime: z.enum(runtimes).optional().describe("Language of the function. Detected by `faas deploy` when absent"),
  app: z
    .enum(apps)
    .optional()
    .describe(
      "How the code serves requests: as a function, an application, a server of its own or static files. Detected by `faas deploy` when absent",
    ),
  signature: z
    .enum(signatures)
    .optional()
    .describe("Platform whose arguments and results the function has. Detected by `faas deploy` when absent"),
  handler: handlerSchema.optional(),
  command: commandSchema
    .optional()
    .describe(
      "Command of a server that listens on $PORT: text for the shell, or a list of the program and its arguments. Detected by `faas deploy` when absent",
    ),
  readyPath: requestPathSchema
    .optional()
    .describe(
      "Path of a server that responds with 2xx or 3xx once it is ready. Absent: it is ready when it accepts connections",
    ),
  baseImage: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe("Base image of the function, on platforms that run images (default node:24-slim, python:3.11-slim)"),
  fallback: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe("Page of a static folder for paths without a file, such as index.html for a single-page app"),
  replicas: z
    .int()
    .min(0)
    .max(REPLICAS_MAX)
    .optional()
    .describe("Replicas while the endpoint is in use (default 1). 0: none until the first request"),
  maxReplicas: z
    .int()
    .min(1)
    .max(REPLICAS_MAX)
    .optional()
    .describe("Maximum replicas (default 10, or replicas or those of warm if that is more)"),
  warm: warmWindowsSchema
    .optional()
    .describe("Times with a minimum number of replicas, also without requests. At most maxReplicas"),
  scaler: z.enum(scalers).optional().describe("Measure that determines the number of replicas (default concurrency)"),
  concurrency: z.int().min(1).max(10_000).optional().describe("Maximum concurrent requests per replica (default 80)"),
  idleTimeout: z
    .union([z.enum(["never", "auto"]), duration(100, 30 * DAY_MS)])
    .optional()
    .describe(
      'Time without requests after which all replicas are removed (default 5m), "never", or "auto": depends on the intervals between past requests',
    ),
  keepWarm: duration(0, DAY_MS)
    .optional()
    .describe(
      "Time for which the revision that served before keeps a replica after a deployment, for a rollback without a cold start (default 10m). 0s: none",
    ),
  timeout: duration(1, DAY_MS).optional().describe("Maximum duration of a request (default 30s)"),
  async: asyncSettingsSchema
    .optional()
    .describe("Deliveries of asynchronous calls: attempts, waits between them, and how long their responses are kept"),
  hooks: hooksSchema
    .optional()
    .describe("Webhooks of other services, which the server verifies and delivers as asynchronous calls"),
  subscriptions: subscriptionsSchema
    .optional()
    .describe("CloudEvents of the organization that the endpoint gets, as asynchronous calls"),
  sources: sourcesSchema
    .optional()
    .describe("Subjects and streams of NATS whose messages the endpoint gets, as asynchronous calls"),
  schedules: schedulesSchema
    .optional()
    .describe("Times at which the server calls the endpoint, asynchronously (docs/schedules.md)"),
  tool: toolSettingsSchema
    .optional()
    .describe("Description and JSON Schemas of the endpoint as a tool for agents (docs/mcp.md)"),
  cpu: cpuQuantity()
    .optional()
    .describe("CPU limit of a replica in cores (default 100m). The embedded platform does not enforce it"),
  cpuMax: cpuQuantity()
    .optional()
    .describe(
      "CPU limit that load may raise that of a replica to, in place (default: that of the server, or cpu). Equal to cpu: never raised. The embedded platform ignores it",
    ),
  memory: size(32 * 2 ** 20, 2 ** 40)
    .optional()
    .describe("Memory limit of a replica (default 256Mi)"),
  disk: size(16 * 2 ** 20, 2 ** 40)
    .optional()
    .describe("Limit of the files of a replica, in /tmp (default 1Gi). The embedded platform does not enforce it"),
  resources: extendedResourcesSchema
    .optional()
    .describe(
      'Extended resources of a replica, such as {"nvidia.com/gpu": 1}, on the kubernetes platform. An admin allows them for the organization',
    ),
  bodyLimit: size(0, 2 ** 40)
    .optional()
    .describe("Maximum size of a request body (default 6Mi)"),
  egress: z
    .enum(egresses)
    .optional()
    .describe(
      "Outgoing connections of the function (default open). none: only DNS; enforced by the kubernetes platform",
    ),
  visibility: z
    .enum(visibilities)
    .optional()
    .describe(
      "Permission to call the endpoint, if the server requires keys (default private: needs a key of the organization). public: no key needed",
    ),
  hostnames: z
    .array(hostnameSchema)
    .max(HOSTNAMES_MAX)
    .readonly()
    .optional()
    .describe(
      "Hostnames at which the endpoint answers at the root, beside its path. An admin allows them for the organization",
    ),
  env: z
    .record(environmentName, environmentValue)
    .optional()
    .describe("Environment variables of the function, readable for everyone who can see the endpoint"),
  secrets: z
    .record(environmentName, secretName)
    .optional()
    .describe(
      'Environment variables with secrets of the organization: {"VARIABLE": "name of the secret"}; stored with "faas secret set"',
    ),
});
export type SettingsInput = z.input<typeof settingsInputSchema>;

/** Schema of the settings of a revision: everything filled in, so that a later change of a default changes no revision. */
export const settingsSchema = z.object({
  runtime: z.enum(runtimes),
  app: z.enum(apps).optional().describe("Absent: a function"),
  signature: z.enum(signatures).optional().describe("Absent: faas, or recognized when the function is loaded"),
  handler: z.string().optional(),
  command: z
    .union([z.string(), z.array(z.string()).readonly()])
    .optional()
    .describe("Absent: no command"),
  readyPath: z.string().optional().describe("Absent: ready when it accepts connections"),
  baseImage: z.string().optional().describe("Absent: that of the language"),
  fallback: z.string().optional().describe("Absent: none"),
  replicas: z.int(),
  maxReplicas: z.int(),
  warm: storedWarmWindows.optional().describe("Absent: none"),
  scaler: z.enum(scalers),
  concurrency: z.int(),
  idleTimeout: z.string().describe('A duration, "never" or "auto"'),
  keepWarm: z.string().optional().describe("A duration. Absent: 10m"),
  timeout: z.string().describe("A duration"),
  async: storedAsyncSettings.optional().describe("Absent: the defaults"),
  hooks: storedHooks.optional().describe("Absent: none"),
  subscriptions: storedSubscriptions.optional().describe("Absent: none"),
  sources: storedSources.optional().describe("Absent: none"),
  schedules: storedSchedules.optional().describe("Absent: none"),
  tool: storedTool.optional().describe("Absent: not a tool"),
  cpu: z.string().describe("A CPU quantity"),
  cpuMax: z.string().optional().describe("A CPU quantity. Absent: that of the server, or cpu"),
  memory: z.string().describe("A size"),
  disk: z.string().optional().describe("A size. Absent: 1Gi"),
  resources: storedResources.optional().describe("Numbers by resource. Absent: none"),
  bodyLimit: z.string().describe("A size"),
  egress: z.literal("none").optional().describe("Absent: open"),
  visibility: z.literal("public").optional().describe("Absent: private"),
  hostnames: z.array(z.string()).readonly().optional().describe("Absent: none"),
  env: z.record(z.string(), z.string()),
  secrets: z
    .record(z.string(), z.string())
    .optional()
    .describe("Names of secrets, by the variables that hold their values. Absent: none"),
});
export type Settings = z.infer<typeof settingsSchema>;

/** Fills in the defaults. */
export function withDefaults(input: SettingsInput): Settings {
  const { replicas = 1, warm = [], hooks = [], subscriptions = [], sources = [] } = input;
  const asyncSettings = normalizedAsyncSettings(input.async ?? {});
  const schedules = normalizedSchedules(input.schedules ?? []);
  const resources = normalizedResources(input.resources ?? {});
  return {
    runtime: input.runtime ?? "node",
    ...(input.app === undefined || input.app === "function" ? {} : { app: input.app }),
    ...(input.signature === undefined ? {} : { signature: input.signature }),
    ...(input.handler === undefined ? {} : { handler: input.handler }),
    ...(input.command === undefined ? {} : { command: input.command }),
    ...(input.readyPath === undefined ? {} : { readyPath: input.readyPath }),
    ...(input.baseImage === undefined ? {} : { baseImage: input.baseImage }),
    ...(input.fallback === undefined ? {} : { fallback: input.fallback }),
    replicas,
    maxReplicas: input.maxReplicas ?? Math.max(10, replicas, warmest(warm)),
    ...(warm.length > 0 ? { warm } : {}),
    scaler: input.scaler ?? "concurrency",
    concurrency: input.concurrency ?? 80,
    idleTimeout: input.idleTimeout ?? "5m",
    ...(input.keepWarm === undefined ? {} : { keepWarm: input.keepWarm }),
    timeout: input.timeout ?? "30s",
    ...(Object.keys(asyncSettings).length > 0 ? { async: asyncSettings } : {}),
    ...(hooks.length > 0 ? { hooks } : {}),
    ...(subscriptions.length > 0 ? { subscriptions } : {}),
    ...(sources.length > 0 ? { sources } : {}),
    ...(schedules.length > 0 ? { schedules } : {}),
    ...(input.tool === undefined ? {} : { tool: input.tool }),
    cpu: input.cpu ?? "100m",
    ...(input.cpuMax === undefined ? {} : { cpuMax: input.cpuMax }),
    memory: input.memory ?? "256Mi",
    ...(input.disk === undefined ? {} : { disk: input.disk }),
    ...(Object.keys(resources).length > 0 ? { resources } : {}),
    bodyLimit: input.bodyLimit ?? "6Mi",
    ...(input.egress === "none" ? { egress: input.egress } : {}),
    ...(input.visibility === "public" ? { visibility: input.visibility } : {}),
    ...((input.hostnames ?? []).length > 0
      ? { hostnames: normalizedHostnames(input.hostnames as readonly string[]) }
      : {}),
    env: input.env ?? {},
    ...(Object.keys(input.secrets ?? {}).length > 0 ? { secrets: input.secrets as Record<string, string> } : {}),
  };
}

/** Returns the contradiction between settings that are valid by themselves, for a message; undefined when there is none. */
export function settingsProblem(settings: Settings): string | undefined {
  if (settings.maxReplicas < settings.replicas) {
    return `expected "maxReplicas" to be at least "replicas" (${settings.replicas}), got ${settings.maxReplicas}`;
  }
  const { maxReplicas, warm = [] } = settings;
  if (maxReplicas < warmest(warm))
    return `expected "maxReplicas" to be at least the replicas of "warm" (${warmest(warm)}), got ${maxReplicas}`;
  const { cpu, cpuMax = cpu } = settings;
  if ((parseCpu(cpuMax) ?? 0) < (parseCpu(cpu) ?? 0))
    return `expected "cpuMax" to be at least "cpu" (${cpu}), got ${cpuMax}`;
  const triggerProblem =
    asyncSettingsProblem(settings.async ?? {}) ??
    schedulesProblem(settings.schedules ?? []) ??
    hooksProblem(settings.hooks ?? []) ??
    sourcesProblem(settings.sources ?? []);
  if (triggerProblem) return triggerProblem;
  const twice = Object.keys(settings.secrets ?? {}).filter((variable) => Object.hasOwn(settings.env, variable));
  if (twice.length > 0)
    return `expected each variable to be in "env" or in "secrets", but ${twice.join(", ")} ${twice.length > 1 ? "are" : "is"} in both. Remove one, or use another variable for the secret`;
  return undefined;
}
