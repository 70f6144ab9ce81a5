import {
  asciiHostname,
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

/** Value that removes a limit. */
const NONE = "none";

/** Options of the limits. They have no defaults: a limit that is not given stays as it is. */
const flags: Readonly<Record<LimitName, { readonly value: string; readonly text: string }>> = {
  endpoints: { value: "n", text: "Registered endpoints" },
  replicas: { value: "n", text: "Replicas of all endpoints together" },
  cpu: { value: "cpu", text: "CPU limits of all replicas together, such as 4 or 500m" },
  cpuMax: { value: "cpu", text: "CPU limit of one replica under load, also where --cpu-max allows more" },
  memory: { value: "size", text: "Memory limits of all replicas together, such as 8Gi" },
  disk: { value: "size", text: "Disk limits of all replicas together, such as 20Gi" },
  requestsPerSecond: { value: "n", text: "Calls per second, in the long run" },
  burst: { value: "n", text: "Calls at once after a pause (without it, the calls of one second)" },
  concurrentRequests: { value: "n", text: "Calls in progress at a time" },
  waitingCalls: { value: "n", text: "Asynchronous calls that are not completed" },
  waitingBytes: { value: "size", text: "Bodies of those calls together, such as 1Gi" },
  bodySize: { value: "size", text: "Size of a request body, also where --body-limit allows more" },
  bundleBytes: { value: "size", text: "Stored bundles together, such as 1Gi" },
  revisions: { value: "n", text: "Kept revisions of each endpoint, including the serving one" },
  warmPods: { value: "n", text: "kubernetes: Warm pods per environment, for cold starts" },
  hostnames: { value: "list", text: "Allowed hostnames, such as '*.example.com,shop.example.org'" },
  destinations: { value: "list", text: "Hosts of URLs that asynchronous calls may be passed on to" },
  natsSubjects: { value: "list", text: "NATS subjects of sources beside ORG.>, such as 'orders.>,audit.*'" },
  resources: { value: "list", text: "kubernetes: Extended resources of all replicas, such as nvidia.com/gpu=4" },
  nodeSelector: { value: "list", text: "kubernetes: Labels of the nodes for its replicas, such as pool=acme" },
  tolerations: { value: "list", text: "kubernetes: Taints that replicas tolerate, such as gpu=yes:NoSchedule" },
  priorityClass: { value: "name", text: "kubernetes: PriorityClass of its replicas" },
  runtimeClass: { value: "name", text: "kubernetes: RuntimeClass of its replicas, such as gvisor" },
};

/** Returns the option of a limit: `--requests-per-second` for `requestsPerSecond`. */
const flagOf = (name: LimitName) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Adds an option per limit, and `--output`. */
export function addLimitOptions(command: Command): Command {
  for (const name of limitNames) {
    const { value, text } = flags[name];
    command.option(`${flagOf(name)} <${value}>`, text, (given: string) => parseLimit(name, given));
  }
  return command
    .addOption(outputOption())
    .addHelpText("after", `\n"${NONE}" removes a limit. The effects of each limit: docs/operations.md, "Limits".`);
}

/** Options as commander returns them. */
export type LimitOptions = { readonly [Name in LimitName]?: Limits[Name] | typeof NONE };

/** Parses numbers, and keeps quantities as text. */
function parseLimit(name: LimitName, given: string): NonNullable<Limits[LimitName]> {
  // Not null: commander would take that for a missing value.
  if (given === NONE) return NONE;
  if (name === "hostnames" || name === "destinations") return parseHosts(name, given);
  if (name === "natsSubjects") return parseList(name, splitList(given));
  if (name === "tolerations") return parsePlacement(name, given, splitList(given));
  if (name === "nodeSelector" || name === "resources") return parsePlacement(name, given, pairsOf(name, given));
  if (name === "priorityClass" || name === "runtimeClass") return parsePlacement(name, given, given);
  const isText = limitsSchema.shape[name].safeParse("1").success;
  const value = isText || !/^\d+(\.\d+)?$/.test(given) ? given : Number(given);
  const { error } = limitsSchema.shape[name].safeParse(value);
  if (!error) return value;
  throw new InvalidArgumentError(`${EXPECTED[name]}, or ${NONE}, got "${given}"`);
}

const parseHosts = (name: "hostnames" | "destinations", given: string) =>
  parseList(name, splitList(given).map(asciiHostname));

function parseList(name: "hostnames" | "destinations" | "natsSubjects", entries: readonly string[]): readonly string[] {
  const [issue] = limitsSchema.shape[name].safeParse(entries).error?.issues ?? [];
  if (!issue) return entries;
  throw new InvalidArgumentError(`${EXPECTED[name]}, or ${NONE}: ${issue.message}`);
}

const splitList = (given: string) => given.split(",").map((entry) => entry.trim());

/** Parses entries NAME=VALUE; the schema reports invalid ones. */
const pairsOf = (name: "nodeSelector" | "resources", given: string) =>
  Object.fromEntries(
    splitList(given).map((entry) => {
      const [key = "", ...value] = entry.split("=");
      const text = value.join("=");
      return [key, name === "resources" && /^\d+$/.test(text) ? Number(text) : text];
    }),
  );

/** Checks a limit about nodes or resources. */
function parsePlacement<Name extends LimitName>(name: Name, given: string, value: unknown): NonNullable<Limits[Name]> {
  const { error } = limitsSchema.shape[name].safeParse(value);
  const isIncomplete = name === "nodeSelector" && splitList(given).some((entry) => !entry.includes("="));
  if (!error && !isIncomplete) return value as NonNullable<Limits[Name]>;
  throw new InvalidArgumentError(`${EXPECTED[name]}, or ${NONE}, got "${given}"`);
}

const COUNT = "a whole number, 0 or more";
const SIZE = "a size such as 512Mi or 8Gi";
const EXPECTED: Readonly<Record<LimitName, string>> = {
  endpoints: COUNT,
  replicas: COUNT,
  cpu: "a CPU quantity such as 4 or 500m",
  cpuMax: "a CPU quantity such as 4 or 500m",
  memory: SIZE,
  disk: SIZE,
  requestsPerSecond: "a number from 0.01 to 1000000",
  burst: "a whole number from 1 to 10000000",
  concurrentRequests: COUNT,
  waitingCalls: COUNT,
  waitingBytes: SIZE,
  bodySize: SIZE,
  bundleBytes: SIZE,
  revisions: "a whole number from 1 to 100",
  warmPods: "a whole number from 0 to 100",
  hostnames: "hostnames separated by commas",
  destinations: "hosts separated by commas",
  natsSubjects: "subjects separated by commas",
  resources: "extended resources with numbers, such as nvidia.com/gpu=4, separated by commas",
  nodeSelector: "labels with values, such as pool=acme, separated by commas",
  tolerations: "taints, such as dedicated=acme:NoSchedule, separated by commas",
  priorityClass: "the name of a PriorityClass",
  runtimeClass: "the name of a RuntimeClass",
};

/** Returns the given limits; null removes one. */
export function limitsOf(flags: LimitOptions): LimitsChange {
  const given = limitNames.filter((name) => flags[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, flags[name] === NONE ? null : flags[name]]));
}

/** Formats limits and current use side by side. */
export function limitsTable({ org, createdAt, limits = {}, defaultLimits = {}, use, endpoints }: OrgDetails): string {
  const rows = limitNames.map((name) => [
    flagOf(name).slice(2),
    formatUse(name, use),
    formatLimit(limits[name], defaultLimits[name]),
  ]);
  const names = endpoints.length === 0 ? "none" : endpoints.slice(0, SHOWN).join(", ");
  const more = endpoints.length > SHOWN ? `, and ${endpoints.length - SHOWN} more` : "";
  return `organization  ${org}\ncreated       ${createdAt}\nendpoints     ${names}${more}\n\n${columns(["LIMIT", "USED", "ALLOWED"], rows)}`;
}

const SHOWN = 20;

function formatLimit(own: Limits[LimitName], byDefault: Limits[LimitName]): string {
  if (own !== undefined) return formatValue(own);
  return byDefault === undefined ? NONE : `${formatValue(byDefault)} (default)`;
}

const formatValue = (value: NonNullable<Limits[LimitName]>) =>
  typeof value !== "object"
    ? String(value)
    : Array.isArray(value)
      ? value.join(", ")
      : Object.entries(value)
          .map(([name, each]) => `${name}=${each}`)
          .join(", ");

/** Limits of one call, one replica, one moment, one endpoint or one environment, and placements: nothing accumulates. Destinations and subjects are in the settings of each endpoint. */
const WITHOUT_USE = [
  ...["burst", "bodySize", "cpuMax", "revisions", "warmPods", "destinations", "natsSubjects"],
  ...["resources", "nodeSelector", "tolerations", "priorityClass", "runtimeClass"],
];
const isWithoutUse = (name: LimitName): name is Exclude<LimitName, keyof OrgDetails["use"]> =>
  WITHOUT_USE.includes(name);

function formatUse(name: LimitName, use: OrgDetails["use"]): string {
  if (isWithoutUse(name)) return "-";
  if (name === "hostnames") return use.hostnames?.join(", ") ?? NONE;
  const value = use[name];
  if (name === "bundleBytes" || name === "waitingBytes") return formatRounded(Number(value ?? 0));
  if (name === "waitingCalls") return String(value ?? 0);
  if (name === "cpu") return String((parseCpu(String(value)) ?? 0) / 1000);
  if (name === "memory" || name === "disk") return formatSize(parseSize(String(value ?? "0")) ?? 0);
  return String(value);
}

/** Formats bytes in the largest fitting unit, as the options accept it: 1536 is 1.5Ki. */
function formatRounded(bytes: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(3))}${["", "Ki", "Mi", "Gi"][power]}`;
}
