import {
  type AsyncSettings,
  asyncSettingNames,
  asyncSettingsSchema,
  expectedAndGot,
  FaasError,
  nearest,
} from "@faas/core";

/**
 * Parses settings of asynchronous calls, such as `attempts=3,failures=429,5xx`. A part without `=` belongs to the value before it.
 *
 * @param place for messages, such as "the `--async` option"
 * @throws USAGE with a similar name
 */
export function parseAsyncSettings(text: string, place: string): AsyncSettings {
  const assignments: string[] = [];
  for (const part of text.split(",").map((each) => each.trim())) {
    const last = assignments.at(-1);
    if (part.includes("=") || last === undefined) assignments.push(part);
    else assignments[assignments.length - 1] = `${last},${part}`;
  }
  return Object.assign({}, ...assignments.map((assignment) => parseAssignment(assignment, place)));
}

function parseAssignment(text: string, place: string): AsyncSettings {
  const [, key = "", value = ""] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  const camelCase = key.trim().replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const name = asyncSettingNames.find((each) => each === camelCase);
  if (name === undefined || value === "") {
    const suggestion = name ?? nearest(camelCase, asyncSettingNames);
    throw new FaasError("USAGE", `Expected ${place} to be ${asyncSettingNames.join("=, ")}=, got "${text}"`, {
      extensions: suggestion === undefined ? {} : { suggestion: `${suggestion}=${value}` },
    });
  }
  const parsed = { [name]: name === "attempts" && /^\d+$/.test(value) ? Number(value) : value };
  const [issue] = asyncSettingsSchema.safeParse(parsed, { error: expectedAndGot }).error?.issues ?? [];
  if (issue === undefined) return parsed;
  const expected = issue.message.replace(/^expected /, "");
  const got = expected.includes(", got ") ? "" : `, got "${value}"`;
  throw new FaasError("USAGE", `Expected ${name} in ${place} to be ${expected}${got}`);
}
