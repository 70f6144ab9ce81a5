import {
  type AsyncCall,
  type AsyncCallList,
  type AsyncCallState,
  type AsyncCallSummary,
  asyncCallStates,
  FaasError,
  nearest,
} from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { type CallScope, parseCallRef, parseScope, scopeKey } from "../calls/call-ref.ts";
import { type ChosenCalls, changeCalls, parseChosen } from "../calls/change-calls.ts";
import { callTable, describeCall, formatState, formatTotals } from "../calls/format-call.ts";
import { addCallResponseOptions, awaitCallResponse, type CallResponseOptions } from "../calls/print-call-response.ts";
import { followCall } from "../calls/wait-for-call.ts";
import { asyncCall, type CallRef, dropAsyncCall, listAsyncCalls, retryAsyncCall } from "../client/async-calls.ts";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { integerOption } from "../options/value-parsers.ts";
import { checkCanConfirm, confirm, YES_DESCRIPTION } from "../terminal/confirm.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { type OutputFormat, outputOption, print, printStatus, write } from "../terminal/output.ts";

interface ListOptions extends GlobalOptions {
  readonly state?: string;
  readonly limit: number;
  readonly output: OutputFormat;
}

interface ShowOptions extends GlobalOptions {
  readonly follow?: boolean;
  readonly output: OutputFormat;
}

interface ChangeOptions extends GlobalOptions {
  readonly failed?: boolean;
  readonly yes?: boolean;
}

const DEFAULT_LIMIT = 20;

export function define(command: Command, io: Io): void {
  command
    // The default subcommand takes it; help and completion show it here.
    .argument("[org/endpoint]", "Only the calls of an organization, or to one endpoint")
    .addHelpText(
      "after",
      '\nCalls are asynchronous after "faas invoke --async", or with the header "Prefer: respond-async".',
    );
  defineList(command.command("list", { isDefault: true }), io);
  defineShow(command.command("show"), io);
  const response = command
    .command("response")
    .description("Print the response to a call")
    .argument("<org/id>", "Call, as faas invoke --async and faas calls print it");
  addCallResponseOptions(response);
  response
    .addHelpText(
      "after",
      "\nThe body goes to stdout unchanged. Exit code 1 when the status is not 2xx, or the call has not completed.",
    )
    .action(async (call: string) => {
      const ref = parseCallRef(call);
      const options = response.optsWithGlobals<CallResponseOptions>();
      await awaitCallResponse(await connect(options, io), ref, options, io);
    });
  const retry = command.command("retry").description("Deliver failed calls again, or waiting ones now");
  addChangeArguments(retry)
    .addHelpText("after", "\nA failed call has all its attempts again.")
    .action(async (targets: readonly string[]) => retryCalls(targets, retry.optsWithGlobals<ChangeOptions>(), io));
  const drop = command.command("drop").description("Remove calls with their responses");
  addChangeArguments(drop)
    .option("-y, --yes", YES_DESCRIPTION)
    .action(async (targets: readonly string[]) => dropCalls(targets, drop.optsWithGlobals<ChangeOptions>(), io));
}

function defineList(command: Command, io: Io): void {
  command
    .alias("ls")
    .description("List asynchronous calls, the newest first; also without this word")
    .argument("[org/endpoint]", "Only the calls of an organization, or to one endpoint")
    .option("--state <states>", `Only calls in these states: ${asyncCallStates.join(", ")}`, stateList)
    .option("-n, --limit <number>", "Largest number of calls to list", integerOption(1, 1_000), DEFAULT_LIMIT)
    .addOption(outputOption())
    // A mistyped subcommand with its arguments gets our own error.
    .allowExcessArguments()
    .action(async (target: string | undefined) => {
      if (command.args.length > 1) throw unknownSubcommand(command);
      return list(target, command.optsWithGlobals<ListOptions>(), io);
    });
}

/** Returns the error for several words, of which the first may be a mistyped subcommand. */
function unknownSubcommand({ args, parent }: Command): FaasError {
  const names = (parent?.commands ?? []).map((each) => each.name()).filter((name) => name !== "drop");
  const suggestion = nearest(args[0] ?? "", names);
  return new FaasError(
    "USAGE",
    `Expected one ORG or ORG/ENDPOINT, got "${args.join(" ")}"`,
    suggestion === undefined ? {} : { extensions: { suggestion } },
  );
}

function defineShow(command: Command, io: Io): void {
  command
    .description("Show a call with its deliveries")
    .argument("<org/id>", "Call, as faas invoke --async and faas calls print it")
    .option("-f, --follow", "Print each change of its state until it has ended")
    .addOption(outputOption())
    .action(async (call: string) => {
      const options = command.optsWithGlobals<ShowOptions>();
      const ref = parseCallRef(call);
      const client = await connect(options, io);
      if (options.follow) return follow(client, ref, options, io);
      await print(await asyncCall(client, ref), options.output, io, (shown) => describeCall(shown, Date.now()));
    });
}

const addChangeArguments = (command: Command) =>
  command
    .argument("<org/id...>", "Calls; with --failed an organization, or ORG/ENDPOINT")
    .option("--failed", "All failed calls of the organization, or to the endpoint");

function stateList(text: string): string {
  for (const state of text.split(","))
    if (!asyncCallStates.includes(state as AsyncCallState)) {
      const similar = nearest(state, asyncCallStates);
      const hint = similar === undefined ? "" : `; did you mean "${similar}"?`;
      throw new InvalidArgumentError(`states of ${asyncCallStates.join(", ")}, got "${text}"${hint}`);
    }
  return text;
}

async function list(target: string | undefined, options: ListOptions, io: Io): Promise<void> {
  const scope = target === undefined ? undefined : parseScope(target);
  const { state, limit, output } = options;
  const client = await connect(options, io);
  const scopes = scope ? [scope] : (await client.orgs()).map(({ org }) => ({ org }));
  const query = { limit: String(limit), ...(state === undefined ? {} : { state }) };
  const lists = await Promise.all(scopes.map((each) => listOf(client, each, query)));
  const found = merged(lists, limit);
  await print(found, output, io, ({ calls }) => (calls.length === 0 ? "" : callTable(calls, Date.now())));
  if (output === "table") printSummary(found, scope, state, io);
}

/** Lists the calls of an organization or an endpoint; for a mistyped organization, the error has a similar name. */
async function listOf(client: Client, { org, endpoint }: CallScope, query: Readonly<Record<string, string>>) {
  try {
    return await listAsyncCalls(client, org, { ...query, ...(endpoint === undefined ? {} : { endpoint }) });
  } catch (error) {
    if (!(error instanceof FaasError && error.code === "ORG_NOT_FOUND")) throw error;
    const known = await client.orgs().catch(() => []);
    const suggestion = nearest(
      org,
      known.map((each) => each.org),
    );
    throw suggestion === undefined ? error : new FaasError(error.code, error.message, { extensions: { suggestion } });
  }
}

/** Merges the lists of several organizations: the newest calls first, and the sums of the totals. */
function merged(lists: readonly AsyncCallList[], limit: number): AsyncCallList {
  const newest = (a: AsyncCallSummary, b: AsyncCallSummary) => Date.parse(b.acceptedAt) - Date.parse(a.acceptedAt);
  const calls = lists.length === 1 ? (lists[0]?.calls ?? []) : lists.flatMap((each) => each.calls).toSorted(newest);
  const totals = { waiting: 0, running: 0, completed: 0, failed: 0, bytes: 0 };
  for (const each of lists)
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += each.totals[name];
  return { calls: calls.slice(0, limit), totals };
}

/** Prints the totals, and how to see more; or why there is nothing. */
function printSummary(
  { calls, totals }: AsyncCallList,
  scope: CallScope | undefined,
  state: string | undefined,
  io: Io,
): void {
  const { bytes: _, ...byState } = totals;
  const states = asyncCallStates.filter((each) => state?.split(",").includes(each) ?? true);
  const matching = states.reduce((sum, each) => sum + byState[each], 0);
  const all = Object.values(byState).reduce((sum, count) => sum + count, 0);
  if (calls.length > 0 && matching > calls.length)
    printStatus(io, `The newest ${calls.length} of ${matching}; -n lists more.`);
  if (all > 0) printStatus(io, `${formatTotals(totals)}.`);
  else printStatus(io, `No asynchronous calls${scope ? ` of ${scopeKey(scope)}` : ""}. ${howToSend(scope)}`);
}

const howToSend = ({ org = "ORG", endpoint = "ENDPOINT" }: Partial<CallScope> = {}) =>
  `Send one with "faas invoke ${org}/${endpoint} --async".`;

/** Prints the state at each change. The exit code is 1 when the call fails. */
async function follow(client: Client, ref: CallRef, { output }: ShowOptions, io: Io): Promise<void> {
  if (output === "yaml") throw new FaasError("USAGE", "Expected --output json or table with --follow, got yaml");
  let last: AsyncCall | undefined;
  for await (const call of followCall(client, ref, io)) {
    last = call;
    const now = new Date();
    await write(
      io,
      output === "table" ? `${now.toISOString()} ${formatState(call, now.getTime())}\n` : `${JSON.stringify(call)}\n`,
    );
  }
  if (last?.state === "failed") io.exitCode = 1;
}

async function retryCalls(targets: readonly string[], options: ChangeOptions, io: Io): Promise<void> {
  const chosen = parseChosen(targets, options.failed);
  const client = await connect(options, io);
  const count = await changeCalls(chosen, client, (ref) => retryAsyncCall(client, ref), options, io);
  if (count > 0) printStatus(io, `${formatCount(count)}${of(chosen)} will be delivered again now.`);
  else if ("failedOf" in chosen) printStatus(io, noFailed(chosen.failedOf));
}

async function dropCalls(targets: readonly string[], options: ChangeOptions, io: Io): Promise<void> {
  const chosen = parseChosen(targets, options.failed);
  const isAll = "failedOf" in chosen;
  if (isAll) checkCanConfirm(options, io);
  const client = await connect(options, io);
  if (isAll) {
    const { failedOf } = chosen;
    const { failed } = (await listOf(client, failedOf, { state: "failed", limit: "1" })).totals;
    if (failed === 0) return printStatus(io, noFailed(failedOf));
    const question = `Remove ${failed === 1 ? "1 failed call" : `${failed} failed calls`} of ${scopeKey(failedOf)}?`;
    if (!(await confirm(question, options, io))) return;
  }
  const count = await changeCalls(chosen, client, (ref) => dropAsyncCall(client, ref), options, io);
  if (count > 0) printStatus(io, `Removed ${formatCount(count)}${of(chosen)}.`);
}

const formatCount = (count: number) => (count === 1 ? "1 call" : `${count} calls`);

const of = (chosen: ChosenCalls) => ("failedOf" in chosen ? ` of ${scopeKey(chosen.failedOf)}` : "");

const noFailed = (scope: CallScope) => `No failed calls of ${scopeKey(scope)}.`;
