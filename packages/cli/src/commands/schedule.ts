import {
  type EndpointRef,
  endpointKey,
  expectedAndGot,
  FaasError,
  normalizedSchedules,
  type ScheduleInput,
  scheduleMethods,
  scheduleSchema,
  schedulesProblem,
  validate,
} from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { callKey, parseScope } from "../calls/call-ref.ts";
import { whereToLook } from "../calls/wait-for-call.ts";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { listSchedules, runSchedule } from "../client/schedules.ts";
import { applyChange } from "../deploy/await-rollout.ts";
import { addRequestOptions, type RequestOptions, readBody } from "../options/request-options.ts";
import { parseRef } from "../options/target.ts";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import { scheduleNamed, schedulesOf, withSchedule } from "../schedules/change-schedules.ts";
import { describeSchedules, formatTime } from "../schedules/format-schedule.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

interface ListOptions extends GlobalOptions {
  readonly output: OutputFormat;
}

interface ChangeOptions extends GlobalOptions {
  readonly wait: boolean;
}

interface AddOptions extends ChangeOptions, RequestOptions {
  readonly cron: string;
  readonly timeZone?: string;
  readonly name?: string;
  readonly path?: string;
  readonly missed?: "once" | "skip" | number;
  readonly overlap?: boolean;
  readonly replace?: boolean;
}

const NO_WAIT = "Return before the revision with the changed schedules is ready";

export function define(command: Command, io: Io): void {
  defineList(command.command("list"), io);
  defineAdd(command.command("add"), io);
  const remove = named(command.command("remove").alias("rm").description("Remove a schedule"), true);
  remove.action(async (target: string, name: string) =>
    removeSchedule(parseRef(target), name, remove.optsWithGlobals(), io),
  );
  for (const [word, enabled, description] of [
    ["disable", false, "Start no runs of a schedule until it is enabled"],
    ["enable", true, "Start runs of a disabled schedule again, from its next time on"],
  ] as const) {
    const switched = named(command.command(word).description(description), true);
    switched.action(async (target: string, name: string) =>
      enable(parseRef(target), name, enabled, switched.optsWithGlobals(), io),
    );
  }
  const run = named(command.command("run").description("Start a run now, and print the name of its call"), false);
  run.action(async (target: string, name: string) => runNow(parseRef(target), name, run.optsWithGlobals(), io));
}

function named(command: Command, isChange: boolean): Command {
  command.argument("<org/endpoint>", "Endpoint").argument("<schedule>", "Name of the schedule");
  return isChange ? command.option("--no-wait", NO_WAIT) : command;
}

function defineList(command: Command, io: Io): void {
  command
    .alias("ls")
    .description("List schedules with their next times and their last runs")
    .argument("[org/endpoint]", "Only the schedules of an organization, or of one endpoint")
    .addOption(outputOption())
    .action(async (target: string | undefined) => list(target, command.optsWithGlobals<ListOptions>(), io));
}

function defineAdd(command: Command, io: Io): void {
  command
    .description("Add a schedule to an endpoint")
    .argument("<org/endpoint>", "Endpoint")
    .requiredOption("--cron <expression>", 'Times, such as "0 8 * * 1-5", "H 2 * * *" or @daily', field("cron"))
    .addOption(
      optionWithLaterDefault("--time-zone <zone>", "Time zone of --cron, such as Europe/Berlin", "UTC").argParser(
        field("timeZone"),
      ),
    )
    .addOption(
      optionWithLaterDefault("--name <name>", "Name of the schedule", "made of the path and a digest").argParser(
        field("name"),
      ),
    )
    .addOption(optionWithLaterDefault("--path <path>", "Path and query of the request", "/").argParser(field("path")));
  addRequestOptions(command, "POST");
  command
    .addOption(
      optionWithLaterDefault(
        "--missed <runs>",
        "Runs that were due while the server was down: once, skip, or the number of the last ones to run",
        "once",
      ).argParser(missed),
    )
    .option("--overlap", "Run also while the previous run has not ended")
    .option("--replace", "Replace the schedule with this name")
    .option("--no-wait", NO_WAIT)
    .action(async (target: string) => add(parseRef(target), command.optsWithGlobals<AddOptions>(), io));
}

/** Returns a parser that keeps the text and rejects it when the schema of the field does. */
function field(name: "cron" | "timeZone" | "name" | "path"): (text: string) => string {
  return (text) => checked(name, text);
}

const missed = (text: string) => checked("missed", /^\d+$/.test(text) ? Number(text) : text);

function checked<Value>(name: keyof typeof scheduleSchema.shape, value: Value): Value {
  const [issue] = scheduleSchema.shape[name].safeParse(value, { error: expectedAndGot }).error?.issues ?? [];
  if (!issue) return value;
  if (name === "missed") throw new InvalidArgumentError(`once, skip or a number from 1 to 100, got "${value}"`);
  const expected = issue.message.replace(/^expected /, "");
  throw new InvalidArgumentError(expected.includes(", got ") ? expected : `${expected}, got "${value}"`);
}

async function list(target: string | undefined, options: ListOptions, io: Io): Promise<void> {
  const scope = target === undefined ? undefined : parseScope(target);
  const client = await connect(options, io);
  const orgs = scope ? [scope.org] : (await client.orgs()).map(({ org }) => org);
  const schedules = (await Promise.all(orgs.map((org) => listSchedules(client, org, scope?.endpoint)))).flat();
  if (schedules.length === 0 && options.output === "table")
    return printStatus(
      io,
      `No schedules. Add one with "faas schedule add ${target?.includes("/") ? target : "ORG/ENDPOINT"} --cron …".`,
    );
  await print(schedules, options.output, io, describeSchedules);
}

async function add(ref: EndpointRef, options: AddOptions, io: Io): Promise<void> {
  const added = await scheduleOf(options, io);
  const client = await connect(options, io);
  const [schedule] = normalizedSchedules([added]);
  const name = schedule?.name ?? "";
  const before = await schedulesOf(client, ref);
  const isKnown = before.some((each) => each.name === name);
  if (isKnown && !options.replace)
    throw new FaasError(
      "USAGE",
      `The endpoint ${endpointKey(ref)} has a schedule "${name}" already: pass --replace, or another --name`,
    );
  const schedules = isKnown ? withSchedule(before, name, added) : [...before, added];
  const problem = schedulesProblem(normalizedSchedules(schedules));
  if (problem) throw new FaasError("USAGE", `In the schedules: ${problem}`);
  await applyChange(ref, { settings: { schedules } }, { client, io, wait: options.wait });
  printStatus(
    io,
    `${isKnown ? "Replaced" : "Added"} the schedule ${name} of ${endpointKey(ref)}.${await nextOf(client, ref, name)}`,
  );
}

/** Returns the schedule of the options. @throws USAGE */
async function scheduleOf(options: AddOptions, io: Io): Promise<ScheduleInput> {
  const { cron, timeZone, name, path, method, data, header = {}, overlap } = options;
  const body = data === undefined ? {} : { body: await bodyOf(data, io) };
  const headers = Object.fromEntries(Object.entries(header).map(([each, values]) => [each, values.join(", ")]));
  const schedule = {
    ...{ cron, ...body },
    ...(name === undefined ? {} : { name }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(options.missed === undefined ? {} : { missed: options.missed }),
    ...(overlap ? { overlap } : {}),
  };
  if (method !== undefined && !scheduleMethods.some((each) => each === method))
    throw new FaasError(
      "USAGE",
      `Expected the \`--method\` option to be one of ${scheduleMethods.join(", ")}, got "${method}"`,
    );
  return validate(scheduleSchema, schedule, "the schedule", "USAGE");
}

/** Returns the body of `--data`: JSON if it is, else text. */
async function bodyOf(data: string, io: Io): Promise<NonNullable<ScheduleInput["body"]>> {
  const { body, type } = await readBody(data, io);
  if (type === "application/json") return JSON.parse(body.toString("utf8"));
  if (type.startsWith("text/")) return body.toString("utf8");
  throw new FaasError("USAGE", `Expected the \`--data\` option to be text or JSON, got ${type}`);
}

/** Returns the next time of a schedule as a sentence; empty if its revision does not serve yet. */
async function nextOf(client: Client, ref: EndpointRef, name: string): Promise<string> {
  const schedules = await listSchedules(client, ref.org, ref.endpoint);
  const [next] = schedules.find((each) => each.name === name)?.next ?? [];
  return next === undefined ? "" : ` Its next time is ${formatTime(next)}.`;
}

async function removeSchedule(ref: EndpointRef, name: string, options: ChangeOptions, io: Io): Promise<void> {
  const client = await connect(options, io);
  const before = await schedulesOf(client, ref);
  scheduleNamed(before, ref, name);
  const schedules = withSchedule(before, name, undefined);
  await applyChange(ref, { settings: { schedules } }, { client, io, wait: options.wait });
  printStatus(io, `Removed the schedule ${name} of ${endpointKey(ref)}.`);
}

async function enable(ref: EndpointRef, name: string, enabled: boolean, options: ChangeOptions, io: Io): Promise<void> {
  const client = await connect(options, io);
  const before = await schedulesOf(client, ref);
  const schedule = scheduleNamed(before, ref, name);
  const schedules = withSchedule(before, name, { ...schedule, enabled });
  await applyChange(ref, { settings: { schedules } }, { client, io, wait: options.wait });
  const next = enabled ? await nextOf(client, ref, name) : "";
  printStatus(io, `${enabled ? "Enabled" : "Disabled"} the schedule ${name} of ${endpointKey(ref)}.${next}`);
}

async function runNow(ref: EndpointRef, name: string, options: GlobalOptions, io: Io): Promise<void> {
  const { id } = await runSchedule(await connect(options, io), ref, name);
  const call = { org: ref.org, id };
  io.stdout.write(`${callKey(call)}\n`);
  printStatus(io, whereToLook(call));
}
