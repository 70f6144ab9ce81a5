import {
  formatSize,
  type LimitName,
  type Limits,
  type LimitsChange,
  limitNames,
  limitsSchema,
  type OrgDetails,
  parseCpu,
  parseSize,
} from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { columns, outputOption } from "../terminal/output.ts";

/** What removes a limit. */
const NONE = "none";

/** The flags of limits; none of them has a default here: what is absent stays as it is. */
const flags: Readonly<Record<LimitName, { readonly value: string; readonly text: string }>> = {
  endpoints: { value: "n", text: "registered endpoints" },
  replicas: { value: "n", text: "replicas of all endpoints together" },
  cpu: { value: "cpu", text: "CPU limits of all replicas together, such as 4 or 500m" },
  memory: { value: "size", text: "memory limits of all replicas together, such as 8Gi" },
  requestsPerSecond: { value: "n", text: "calls a second, in the long run" },
  burst: { value: "n", text: "calls that may come at once after a pause (default: those of a second)" },
  concurrentRequests: { value: "n", text: "calls under way at a time" },
  bodySize: { value: "size", text: "largest request body, whatever --body-limit of an endpoint allows" },
  bundleBytes: { value: "size", text: "stored bundles together, such as 1Gi" },
};

/** `requestsPerSecond` is `--requests-per-second`. */
const flagOf = (name: LimitName) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export function addLimitOptions(command: Command): Command {
  for (const name of limitNames) {
    const { value, text } = flags[name];
    command.option(`${flagOf(name)} <${value}>`, text, (given: string) => parsed(name, given));
  }
  return command
    .addOption(outputOption())
    .addHelpText("after", `\n"${NONE}" removes a limit. What a limit does not allow: docs/operations.md, "Limits".`);
}

/** As commander gives them. */
export type LimitFlags = { readonly [Name in LimitName]?: Limits[Name] | typeof NONE };

/** Numbers are numbers, quantities stay text. Throws what was expected, for program.ts. */
function parsed(name: LimitName, given: string): number | string {
  // Not null: commander takes that for a value that is missing.
  if (given === NONE) return NONE;
  const isText = limitsSchema.shape[name].safeParse("1").success;
  const value = isText || !/^\d+(\.\d+)?$/.test(given) ? given : Number(given);
  const { error } = limitsSchema.shape[name].safeParse(value);
  if (!error) return value;
  throw new InvalidArgumentError(`${EXPECTED[name]}, or ${NONE}, got "${given}"`);
}

const COUNT = "a whole number from 0 on";
const SIZE = "a size such as 512Mi or 8Gi";
const EXPECTED: Readonly<Record<LimitName, string>> = {
  endpoints: COUNT,
  replicas: COUNT,
  cpu: "a CPU quantity such as 4 or 500m",
  memory: SIZE,
  requestsPerSecond: "a number from 0.01 to 1000000",
  burst: "a whole number from 1 to 10000000",
  concurrentRequests: COUNT,
  bodySize: SIZE,
  bundleBytes: SIZE,
};

/** Only what was given. */
export function limitsOf(flags: LimitFlags): LimitsChange {
  const given = limitNames.filter((name) => flags[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, flags[name] === NONE ? null : flags[name]]));
}

/** Limits and present use side by side. */
export function limitsTable({ org, createdAt, limits = {}, defaultLimits = {}, use, endpoints }: OrgDetails): string {
  const rows = limitNames.map((name) => [
    flagOf(name).slice(2),
    usedText(name, use),
    limitText(limits[name], defaultLimits[name]),
  ]);
  const names = endpoints.length === 0 ? "none" : endpoints.slice(0, SHOWN).join(", ");
  const more = endpoints.length > SHOWN ? `, and ${endpoints.length - SHOWN} more` : "";
  return `organization  ${org}\ncreated       ${createdAt}\nendpoints     ${names}${more}\n\n${columns(["LIMIT", "USED", "ALLOWED"], rows)}`;
}

const SHOWN = 20;

function limitText(own: Limits[LimitName], byDefault: Limits[LimitName]): string {
  if (own !== undefined) return String(own);
  return byDefault === undefined ? NONE : `${byDefault} (default)`;
}

function usedText(name: LimitName, use: OrgDetails["use"]): string {
  // Of one call and of a moment: nothing that is used up.
  if (name === "burst" || name === "bodySize") return "-";
  const value = use[name];
  if (name === "bundleBytes") return rounded(Number(value));
  if (name === "cpu") return String((parseCpu(String(value)) ?? 0) / 1000);
  if (name === "memory") return formatSize(parseSize(String(value)) ?? 0);
  return String(value);
}

/** In the unit that people would choose, and that the flags take: 1536 is 1.5Ki. */
function rounded(bytes: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(3))}${["", "Ki", "Mi", "Gi"][power]}`;
}
