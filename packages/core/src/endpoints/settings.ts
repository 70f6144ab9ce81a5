import { z } from "zod";
import { quantityPattern } from "../quantity-pattern.ts";
import {
  CPU_UNITS,
  DURATION_UNITS,
  formatDuration,
  formatSize,
  parseCpu,
  parseDuration,
  parseSize,
  SIZE_UNITS,
} from "../units.ts";
import { secretName, VARIABLE, WITHOUT_NUL } from "./secrets.ts";

/** Settings of an endpoint, in the user's notation: the same in `faas.json`, in the API and in the state file. */

/** Languages with a wrapper. */
export const languages = ["node", "typescript", "python"] as const;
/** Runtimes of endpoints. `dockerfile`: the folder's own Dockerfile builds an image of any server that listens on `$PORT`. */
export const runtimes = [...languages, "dockerfile"] as const;
export const scalers = ["concurrency", "cpu", "fixed"] as const;
export const visibilities = ["private", "public"] as const;
export const egresses = ["open", "none"] as const;
export type Language = (typeof languages)[number];
export type Runtime = (typeof runtimes)[number];
export type Visibility = (typeof visibilities)[number];
export type Egress = (typeof egresses)[number];
export type Scaler = (typeof scalers)[number];

/** Maximum number of replicas of an endpoint. */
export const REPLICAS_MAX = 1000;

function quantity(
  what: string,
  example: string,
  units: Readonly<Record<string, number>>,
  parse: (text: string) => number | undefined,
  min: number,
  max: number,
  format: (value: number) => string,
) {
  const expectedRange = `expected a ${what} from ${format(min)} to ${format(max)}`;
  return z
    .string()
    .superRefine((text, context) => {
      const value = parse(text);
      if (value === undefined) {
        context.addIssue({ code: "custom", message: `expected a ${what} such as ${example}, got "${text}"` });
      } else if (value < min || value > max) {
        context.addIssue({ code: "custom", message: `${expectedRange}, got "${text}"` });
      }
    })
    .meta({
      pattern: quantityPattern(units, min, max),
      // `forEditors` replaces it where people see patterns.
      forEditors: { pattern: quantityPattern(units, 0, Number.POSITIVE_INFINITY), patternErrorMessage: expectedRange },
    });
}

const DAY_MS = 86_400_000;
const duration = (min: number, max: number) =>
  quantity("duration", "300ms, 30s or 5m", DURATION_UNITS, parseDuration, min, max, formatDuration);
const size = (min: number, max: number) =>
  quantity("size", "128Mi or 1Gi", SIZE_UNITS, parseSize, min, max, formatSize);

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

/** Schema of the settings of a deployment, all optional. */
export const settingsInputSchema = z.strictObject({
  runtime: z.enum(runtimes).optional().describe("Language of the function. Detected by `faas deploy` when absent"),
  handler: handlerSchema.optional(),
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
    .describe("Maximum replicas (default 10, or replicas if that is more)"),
  scaler: z.enum(scalers).optional().describe("Measure that determines the number of replicas (default concurrency)"),
  concurrency: z.int().min(1).max(10_000).optional().describe("Maximum concurrent requests per replica (default 80)"),
  idleTimeout: z
    .union([z.enum(["never", "auto"]), duration(100, 30 * DAY_MS)])
    .optional()
    .describe(
      'Time without requests after which all replicas are removed (default 5m), "never", or "auto": depends on the intervals between past requests',
    ),
  timeout: duration(1, DAY_MS).optional().describe("Maximum duration of a request (default 30s)"),
  cpu: quantity("CPU quantity", "100m or 0.5", CPU_UNITS, parseCpu, 10, 256_000, (millis) => `${millis}m`)
    .optional()
    .describe("CPU limit of a replica in cores (default 100m). The embedded platform does not enforce it"),
  memory: size(32 * 2 ** 20, 2 ** 40)
    .optional()
    .describe("Memory limit of a replica (default 256Mi)"),
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
  handler: z.string().optional(),
  replicas: z.int(),
  maxReplicas: z.int(),
  scaler: z.enum(scalers),
  concurrency: z.int(),
  idleTimeout: z.string().describe('A duration, "never" or "auto"'),
  timeout: z.string().describe("A duration"),
  cpu: z.string().describe("A CPU quantity"),
  memory: z.string().describe("A size"),
  bodyLimit: z.string().describe("A size"),
  egress: z.literal("none").optional().describe("Absent: open"),
  visibility: z.literal("public").optional().describe("Absent: private"),
  env: z.record(z.string(), z.string()),
  secrets: z
    .record(z.string(), z.string())
    .optional()
    .describe("Names of secrets, by the variables that hold their values. Absent: none"),
});
export type Settings = z.infer<typeof settingsSchema>;

/** Fills in the defaults. */
export function withDefaults(input: SettingsInput): Settings {
  const replicas = input.replicas ?? 1;
  return {
    runtime: input.runtime ?? "node",
    ...(input.handler === undefined ? {} : { handler: input.handler }),
    replicas,
    maxReplicas: input.maxReplicas ?? Math.max(10, replicas),
    scaler: input.scaler ?? "concurrency",
    concurrency: input.concurrency ?? 80,
    idleTimeout: input.idleTimeout ?? "5m",
    timeout: input.timeout ?? "30s",
    cpu: input.cpu ?? "100m",
    memory: input.memory ?? "256Mi",
    bodyLimit: input.bodyLimit ?? "6Mi",
    ...(input.egress === "none" ? { egress: input.egress } : {}),
    ...(input.visibility === "public" ? { visibility: input.visibility } : {}),
    env: input.env ?? {},
    ...(Object.keys(input.secrets ?? {}).length > 0 ? { secrets: input.secrets as Record<string, string> } : {}),
  };
}

/** Returns the contradiction between settings that are valid by themselves, for a message; undefined when there is none. */
export function settingsProblem(settings: Settings): string | undefined {
  if (settings.maxReplicas < settings.replicas) {
    return `expected "maxReplicas" to be at least "replicas" (${settings.replicas}), got ${settings.maxReplicas}`;
  }
  const twice = Object.keys(settings.secrets ?? {}).filter((variable) => Object.hasOwn(settings.env, variable));
  if (twice.length > 0)
    return `expected each variable to be in "env" or in "secrets", but ${twice.join(", ")} ${twice.length > 1 ? "are" : "is"} in both. Remove one, or use another variable for the secret`;
  return undefined;
}
