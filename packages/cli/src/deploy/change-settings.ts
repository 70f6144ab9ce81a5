import {
  changeSettings,
  FaasError,
  type SettingsChange,
  settingsChangeSchema,
  settingsProblem,
  validate,
  variablesChangeSchema,
} from "@faas/core";
import type { SettingName } from "../options/setting-name.ts";

/** Change that is being put together. */
export interface ChangeDraft {
  readonly settings: NonNullable<SettingsChange["settings"]>;
  readonly variables: NonNullable<SettingsChange["variables"]>;
}

/** Sets variables: among all of them where the change names all, otherwise these alone. */
export function setVariables(
  { settings, variables }: ChangeDraft,
  name: "env" | "secrets",
  values: Readonly<Record<string, string>>,
): void {
  if (Object.keys(values).length === 0) return;
  if (settings[name]) settings[name] = { ...settings[name], ...values };
  else variables[name] = { ...variables[name], ...values };
}

/** Puts a setting back to its default, or removes a variable. */
export function unset({ settings, variables }: ChangeDraft, name: SettingName): void {
  if (!("variable" in name)) {
    settings[name.setting] = null;
    if (name.setting === "env" || name.setting === "secrets") delete variables[name.setting];
    return;
  }
  const { setting, variable } = name;
  const { [variable]: _, ...others } = settings[setting] ?? {};
  if (settings[setting]) settings[setting] = others;
  else variables[setting] = { ...variables[setting], [variable]: null };
}

/**
 * Returns the change without empty parts.
 *
 * @throws USAGE when a setting is invalid or contradicts another
 */
export function checkChange(draft: ChangeDraft): SettingsChange {
  const settings = validate(settingsChangeSchema, draft.settings, "the settings", "USAGE");
  const variables = validate(variablesChangeSchema, draft.variables, "the settings", "USAGE");
  const problem = settingsProblem(changeSettings(undefined, { settings, variables }).settings);
  if (problem) throw new FaasError("USAGE", `In the settings: ${problem}`);
  return {
    ...(Object.keys(settings).length > 0 ? { settings } : {}),
    ...(Object.keys(variables).length > 0 ? { variables } : {}),
  };
}
