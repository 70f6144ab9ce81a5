import { z } from "zod";
import { normalizedHostnames } from "../hostnames.ts";
import type { Immutable } from "../immutable.ts";
import { formatResourceCounts, normalizedResources } from "../placement/extended-resources.ts";
import { sameValue } from "../same-value.ts";
import { formatSchedule, normalizedSchedules } from "../schedules/schedule-settings.ts";
import { formatHook } from "../triggers/hook-settings.ts";
import { formatSource } from "../triggers/source-settings.ts";
import { formatSubscription } from "../triggers/subscription-settings.ts";
import { formatAsyncSettings, normalizedAsyncSettings } from "./async-settings.ts";
import type { Revision } from "./endpoint.ts";
import { type Settings, type SettingsInput, settingsInputSchema, withDefaults } from "./settings.ts";
import { formatWarmWindow } from "./warm-windows.ts";

/** Changes of an endpoint's settings: a deployment changes the settings that it names and keeps the others. */

type NullableShape<Shape extends z.core.$ZodShape> = {
  [Name in keyof Shape]: z.ZodOptional<z.ZodNullable<Shape[Name]>>;
};

/** Fields of the settings that a deployment changes; `null` puts a setting back to its default. */
export const settingsChangeShape = Object.fromEntries(
  Object.entries(settingsInputSchema.shape).map(([name, schema]) => [
    name,
    schema
      .unwrap()
      .nullable()
      .optional()
      .meta({
        // Reading it takes a while, and only JSON Schemas have it: it comes with the patterns of quantities.
        get description() {
          return schema.description ?? "";
        },
      }),
  ]),
) as unknown as NullableShape<typeof settingsInputSchema.shape>;

/** Schema of the settings that a deployment names. */
export const settingsChangeSchema = z.strictObject(settingsChangeShape);

const variablesOf = <Schema extends z.ZodRecord<z.ZodType<string, string>, z.ZodType>>(schema: Schema) =>
  z.record(schema.keyType, schema.valueType.nullable());

/** Schema of changes of single variables: the others stay, and `null` removes one. */
export const variablesChangeSchema = z.strictObject({
  env: variablesOf(settingsInputSchema.shape.env.unwrap()).optional(),
  secrets: variablesOf(settingsInputSchema.shape.secrets.unwrap()).optional(),
});

/** Schema of the settings that a build has detected in the code. */
export const detectedSettingsSchema = settingsInputSchema.pick({
  runtime: true,
  app: true,
  signature: true,
  handler: true,
  command: true,
  env: true,
});

/** Settings that a build detects, unless they are set. `env` is too, variable by variable. */
const DETECTABLE = ["runtime", "app", "signature", "handler", "command"] as const;

/** Settings that take effect in a build: a change without the code would do nothing, or break the endpoint. */
export const BUILD_SETTINGS: readonly (keyof SettingsInput)[] = ["runtime", "app", "command", "baseImage", "fallback"];

/** Change of an endpoint's settings. */
export interface SettingsChange {
  /** Settings that get these values; `null`: the default. Absent ones stay as they are. */
  readonly settings?: z.input<typeof settingsChangeSchema>;
  /** Single variables to set and, with `null`, to remove, after `settings`. */
  readonly variables?: z.input<typeof variablesChangeSchema>;
  /** Everything that a build of the code has detected. Absent: as before. */
  readonly detected?: z.input<typeof detectedSettingsSchema>;
  /**
   * Starts from the defaults instead of the endpoint's settings.
   *
   * @defaultValue false
   */
  readonly reset?: boolean;
}

/** Settings of a revision, filled in, and those of them that deployments have named. */
export type ChangedSettings = Pick<Revision, "settings" | "set">;

/** Schema of a setting that a deployment changes. */
export const settingChangeSchema = z
  .object({
    setting: z.string().describe("Name as in faas.json; `env.NAME` and `secrets.NAME` for a variable"),
    from: z.union([z.string(), z.number(), z.array(z.string()), z.null()]).describe("null: none"),
    to: z.union([z.string(), z.number(), z.array(z.string()), z.null()]).describe("null: none"),
  })
  .meta({ id: "SettingChange" });
export type SettingChange = Immutable<z.infer<typeof settingChangeSchema>>;

/** Returns the settings of a revision that deployments have named. */
export const setSettings = ({ settings, set }: ChangedSettings): SettingsInput => set ?? unlikeDefaults(settings);

/** Returns the settings of a revision that a build has detected. */
export function detectedSettings(revision: ChangedSettings): SettingsInput {
  const { settings } = revision;
  const set = setSettings(revision);
  const names = DETECTABLE.filter((name) => settings[name] !== undefined && !sameValue(settings[name], set[name]));
  const env = nonEmpty(without(settings.env, Object.keys(set.env ?? {})));
  return { ...pick(settings, names), ...(env && { env }) };
}

/**
 * Applies a change to the settings of an endpoint.
 *
 * @param before the revision that the endpoint should serve; undefined for a new endpoint
 */
export function changeSettings(before: ChangedSettings | undefined, change: SettingsChange): ChangedSettings {
  const set = changedSet(before === undefined || change.reset ? {} : setSettings(before), change);
  const built = change.detected ?? (before === undefined ? {} : keptDetection(before, change));
  const env = { ...without(built.env ?? {}, Object.keys(set.secrets ?? {})), ...set.env };
  // A folder with a Dockerfile decides about the runtime, whatever is set.
  const settings = withDefaults({ ...built, ...set, env, runtime: built.runtime ?? set.runtime });
  return sameValue(set, unlikeDefaults(settings)) ? { settings } : { settings, set };
}

/** Applies a change to the settings that deployments have named. */
function changedSet(kept: SettingsInput, { settings = {}, variables = {} }: SettingsChange): SettingsInput {
  const named = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const {
    env,
    secrets,
    hostnames,
    warm,
    async: calls,
    schedules,
    hooks,
    subscriptions,
    sources,
    resources,
    ...others
  } = {
    ...kept,
    ...named,
  } as typeof settings;
  // A variable that is named moves: from the environment to the secrets, or back.
  const namedInEnv = Object.keys(present({ ...settings.env, ...variables.env }));
  const namedInSecrets = Object.keys(present({ ...settings.secrets, ...variables.secrets }));
  return present({
    ...others,
    hostnames: nonEmpty(normalizedHostnames(hostnames ?? [])),
    warm: nonEmpty(warm ?? []),
    async: nonEmpty(normalizedAsyncSettings(calls ?? {})),
    hooks: nonEmpty(hooks ?? []),
    subscriptions: nonEmpty(subscriptions ?? []),
    sources: nonEmpty(sources ?? []),
    schedules: nonEmpty(normalizedSchedules(schedules ?? [])),
    resources: nonEmpty(normalizedResources(resources ?? {})),
    env: nonEmpty(without(present({ ...env, ...variables.env }), difference(namedInSecrets, namedInEnv))),
    secrets: nonEmpty(without(present({ ...secrets, ...variables.secrets }), difference(namedInEnv, namedInSecrets))),
  }) as SettingsInput;
}

/** Returns what an earlier build has detected, without the settings that the change names. */
function keptDetection(before: ChangedSettings, { settings = {} }: SettingsChange): SettingsInput {
  return without(detectedSettings(before), Object.keys(present(settings)));
}

/** Lists the settings whose values differ, in the order of `faas.json`; variables one by one. */
export function settingChanges(before: Settings, after: Settings): SettingChange[] {
  const [old, current] = [flattened(before), flattened(after)];
  return [...new Set([...old.keys(), ...current.keys()])]
    .map((setting) => ({ setting, from: old.get(setting) ?? null, to: current.get(setting) ?? null }))
    .filter(({ from, to }) => !sameValue(from, to));
}

/** Values of the settings that are absent where they have their defaults. */
const ABSENT: Readonly<Partial<Record<keyof Settings, SettingChange["to"]>>> = {
  app: "function",
  egress: "open",
  visibility: "private",
};

/** Returns the values of all settings by name; `null` for none, and text for settings with fields: windows, schedules, triggers, resources, tools and asynchronous calls. */
export function flattened(settings: Settings): Map<string, SettingChange["to"]> {
  const { env, secrets = {}, warm, async: calls, schedules, hooks, subscriptions, ...further } = settings;
  const { sources, resources, tool, ...rest } = further;
  const others = {
    ...rest,
    warm: warm?.map(formatWarmWindow),
    async: calls && formatAsyncSettings(calls),
    hooks: hooks?.map(formatHook),
    subscriptions: subscriptions?.map(formatSubscription),
    sources: sources?.map(formatSource),
    schedules: schedules?.map(formatSchedule),
    tool: tool && JSON.stringify(tool),
    resources: resources && formatResourceCounts(resources),
  };
  const names = Object.keys(settingsInputSchema.shape) as (keyof SettingsInput)[];
  const single = names.filter((name): name is keyof typeof others => name !== "env" && name !== "secrets");
  return new Map([
    ...single.map((name) => [name, (others[name] ?? ABSENT[name] ?? null) as SettingChange["to"]] as const),
    ...Object.entries(env).map(([variable, value]) => [`env.${variable}`, value] as const),
    ...Object.entries(secrets).map(([variable, name]) => [`secrets.${variable}`, name] as const),
  ]);
}

/** Returns the settings that differ from the defaults and that no build detects. */
function unlikeDefaults(settings: Settings): SettingsInput {
  // The default of `maxReplicas` depends on `replicas` and `warm`.
  const { replicas, warm = [] } = settings;
  const { maxReplicas } = withDefaults({ replicas, warm });
  const defaults = { ...withDefaults({}), maxReplicas };
  const names = Object.keys(settings) as (keyof Settings)[];
  const detectable: readonly string[] = DETECTABLE;
  return pick(
    settings,
    names.filter((name) => !detectable.includes(name) && !sameValue(settings[name], defaults[name])),
  );
}

const difference = (names: readonly string[], others: readonly string[]) =>
  names.filter((name) => !others.includes(name));

/** Returns the fields that are neither undefined nor null. */
const present = <Value>(fields: Readonly<Record<string, Value>>): Record<string, NonNullable<Value>> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)) as Record<
    string,
    NonNullable<Value>
  >;

const pick = <Fields extends object, Name extends keyof Fields>(fields: Fields, names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, fields[name]])) as Pick<Fields, Name>;

const without = <Fields extends object>(fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name))) as Fields;

const nonEmpty = <Value extends object>(value: Value): Value | undefined =>
  Object.keys(value).length > 0 ? value : undefined;
