import { asyncCallAcceptedSchema, endpointKey, FaasError, parseDuration, parseResponse } from "@faas/core";
import { type Command, Option } from "commander";
import { callKey } from "../calls/call-ref.ts";
import { addCallResponseOptions, awaitCallResponse, type CallResponseOptions } from "../calls/print-call-response.ts";
import { printResponse } from "../calls/print-response.ts";
import { whereToLook } from "../calls/wait-for-call.ts";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import type { HttpResponse } from "../client/http-transport.ts";
import { addRequestOptions, methodOf, openBody, type RequestOptions } from "../options/request-options.ts";
import { parseTarget, pathOf, type Target } from "../options/target.ts";
import { parsedOption } from "../options/value-parsers.ts";
import type { Io } from "../terminal/io.ts";
import { printStatus, printWarning } from "../terminal/output.ts";
import { formatTiming } from "../terminal/timing.ts";

interface Options extends CallResponseOptions, RequestOptions {
  readonly timing?: boolean;
  readonly async?: boolean;
  readonly idempotencyKey?: string;
  readonly orderKey?: string;
  readonly delay?: string;
}

/** Headers of an asynchronous call, and the options that set them. */
const ASYNC_HEADERS = {
  "idempotency-key": "idempotencyKey",
  "x-faas-order-key": "orderKey",
  "x-faas-delay": "delay",
} as const;

export function define(command: Command, io: Io): void {
  command.argument("<org/endpoint[/rest]>", "Endpoint to call, with path and query");
  addRequestOptions(command);
  command
    .option("--async", "Return when the server has stored the call, and print its name; the server delivers it")
    .option(
      "--idempotency-key <key>",
      "Header Idempotency-Key; with --async, calls with the same key are accepted once",
    )
    .option("--order-key <key>", "With --async: calls with the same key are delivered one at a time, in their order")
    .addOption(
      new Option("--delay <duration>", "With --async: time before the first delivery").argParser(
        parsedOption(parseDuration, "a duration such as 90s"),
      ),
    );
  addCallResponseOptions(command);
  command
    .option("--timing", "Print the time it took on stderr")
    .addHelpText(
      "after",
      "\nThe response body goes to stdout unchanged. Exit code 1 when the status is not 2xx, or when the response to an asynchronous call has not come in time.",
    )
    .action(async (target: string) => invoke(parseTarget(target), command.optsWithGlobals<Options>(), io));
}

async function invoke(target: Target, options: Options, io: Io): Promise<void> {
  checkOptions(options);
  const client = await connect(options, io);
  const request = await requestOf(options, io);
  const startedAt = performance.now();
  const response = await client.call(pathOf(target), request);
  const headMs = performance.now() - startedAt;
  if (options.async && isAccepted(response)) return accepted(response, target, client, options, io);
  const onEnd = () => {
    if (options.timing) printStatus(io, formatTiming({ headMs, totalMs: performance.now() - startedAt }, response, io));
  };
  await printResponse({ target, response, onEnd }, client, options, io);
  if (options.async && response.statusCode < 400)
    printWarning(io, "the call was synchronous: the server does not support asynchronous calls");
}

/** @throws USAGE when an option contradicts another */
function checkOptions(options: Options): void {
  const asyncOptions = { "--wait": options.wait, "--order-key": options.orderKey, "--delay": options.delay };
  for (const [name, value] of Object.entries(asyncOptions))
    if (value !== undefined && !options.async) throw new FaasError("USAGE", `${name} requires --async`);
  if (options.timing && options.async)
    throw new FaasError(
      "USAGE",
      'Expected --timing or --async, got both: "faas calls show" has the time of each delivery',
    );
}

async function requestOf(options: Options, io: Io) {
  const { data, header = {} } = options;
  const given: Record<string, string[]> = Object.fromEntries(
    Object.entries(header).map(([name, values]) => [name, [...values]]),
  );
  if (options.async) given.prefer = [...(given.prefer ?? []), "respond-async"];
  for (const [name, option] of Object.entries(ASYNC_HEADERS))
    if (options[option] !== undefined) given[name] = [options[option]];
  const method = methodOf(options);
  if (data === undefined) return { method, headers: given };
  const { body, type, length } = await openBody(data, io, "content-type" in given);
  const known = { "content-type": type, ...(length === undefined ? {} : { "content-length": String(length) }) };
  return { method, headers: { ...known, ...given }, body };
}

const isAccepted = ({ statusCode, headers }: HttpResponse) =>
  statusCode === 202 && /\brespond-async\b/.test(String(headers["preference-applied"] ?? ""));

/** Prints the name of an accepted call on stdout, or waits for its response. */
async function accepted(
  response: HttpResponse,
  { org, endpoint }: Target,
  client: Client,
  options: Options,
  io: Io,
): Promise<void> {
  const text = Buffer.concat(await Array.fromAsync(client.read(response.body))).toString("utf8");
  const { id, duplicate } = parseResponse(asyncCallAcceptedSchema, JSON.parse(text), endpointKey({ org, endpoint }));
  const ref = { org, id };
  if (duplicate) printStatus(io, `An earlier call has this idempotency key: ${callKey(ref)}.`);
  if (options.wait !== undefined) return awaitCallResponse(client, ref, options, io);
  io.stdout.write(`${callKey(ref)}\n`);
  printStatus(io, whereToLook(ref));
}
