import { FaasError, nearest, type SettingsInput, settingsInputSchema } from "@faas/core";

/** Name of a setting as in `faas.json`, or of one variable of the environment or of a secret. */
export type SettingName =
  | { readonly setting: keyof SettingsInput }
  | { readonly setting: "env" | "secrets"; readonly variable: string };

const names = Object.keys(settingsInputSchema.shape) as (keyof SettingsInput)[];

/**
 * Parses the name of a setting: as in `faas.json` or as an option (`idleTimeout`, `idle-timeout`), `env.NAME` or `secrets.NAME`.
 *
 * @throws USAGE with a similar name
 */
export function parseSettingName(text: string): SettingName {
  const [, map, variable] = /^(env|secrets?)\.(.+)$/s.exec(text) ?? [];
  if (variable !== undefined) return { setting: map === "env" ? "env" : "secrets", variable };
  const camelCase = text.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const setting = names.find((name) => name === camelCase || name === `${camelCase}s`);
  if (setting) return { setting };
  const suggestion = nearest(camelCase, names);
  throw new FaasError(
    "USAGE",
    `There is no setting "${text}". The settings are ${names.join(", ")}; env.NAME and secrets.NAME are single variables`,
    suggestion === undefined ? {} : { extensions: { suggestion } },
  );
}

/** Parser of `--unset`, which is repeatable. */
export const unsetOption = (text: string, previous: readonly SettingName[] = []): readonly SettingName[] => [
  ...previous,
  parseSettingName(text),
];
