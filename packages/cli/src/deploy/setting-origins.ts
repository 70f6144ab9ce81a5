import {
  detectedSettings,
  flattened,
  type Revision,
  type SettingChange,
  type SettingsInput,
  type SettingsView,
  sameValue,
  withDefaults,
} from "@faas/core";

/** Origin of a value. `set`: a deployment has named it. `detected`: the build has found it in the code. */
export type Origin = "set" | "default" | "detected";

/** A setting as people see it. */
export interface SettingRow {
  /** Name as in `faas.json`; `env.NAME` and `secrets.NAME` for a variable. */
  readonly setting: string;
  readonly value: SettingChange["to"];
  readonly origin: Origin;
}

/** Lists all settings with their values and origins. */
export function settingRows(view: SettingsView): SettingRow[] {
  const { settings, set } = view as Required<Pick<Revision, "settings" | "set">>;
  const detected = detectedSettings({ settings, set });
  const defaults = flattened(withDefaults({}));
  return Array.from(flattened(settings), ([setting, value]) => {
    const isDetected = isIn(detected, setting) && !sameValue(value, defaults.get(setting) ?? null);
    return { setting, value, origin: isIn(set, setting) ? "set" : isDetected ? "detected" : "default" };
  });
}

function isIn(settings: SettingsInput, setting: string): boolean {
  const [, map, variable] = /^(env|secrets)\.(.+)$/.exec(setting) ?? [];
  if (variable !== undefined) return Object.hasOwn(settings[map as "env" | "secrets"] ?? {}, variable);
  return settings[setting as keyof SettingsInput] !== undefined;
}
