import { type AsyncCall, endpointKey, parseDuration } from "@faas/core";
import { type Command, Option } from "commander";
import { asyncCallResponse, type CallRef } from "../client/async-calls.ts";
import type { Client } from "../client/client.ts";
import { parsedOption } from "../options/value-parsers.ts";
import type { Io } from "../terminal/io.ts";
import { colors, printStatus } from "../terminal/output.ts";
import { callKey } from "./call-ref.ts";
import { formatState } from "./format-call.ts";
import { printResponse, type ResponseOptions } from "./print-response.ts";
import { hasEnded, waitForCall, whereToLook } from "./wait-for-call.ts";

export interface CallResponseOptions extends ResponseOptions {
  /** Time to wait for the end of the call; true: as long as it takes. */
  readonly wait?: string | true;
}

/** Adds `--include` and `--wait`. */
export function addCallResponseOptions(command: Command): void {
  command
    .option("-i, --include", "Print status and headers of the response on stderr")
    .addOption(
      new Option("--wait [duration]", "Wait until an asynchronous call has ended, and print its response").argParser(
        parsedOption(parseDuration, "a duration such as 30s, or at the end of the command line without one"),
      ),
    );
}

/** Waits for a call as long as the options say, and prints its response. */
export async function awaitCallResponse(
  client: Client,
  ref: CallRef,
  options: CallResponseOptions,
  io: Io,
): Promise<void> {
  const { wait = "0s" } = options;
  const timeoutMs = wait === true ? Number.POSITIVE_INFINITY : (parseDuration(wait) as number);
  await printCallResponse(await waitForCall(client, ref, timeoutMs, io), client, options, io);
}

/** Prints the response to a call that has ended as if it had been synchronous, and on stderr why a call has no response or has failed; the exit code is 1 then. */
async function printCallResponse(call: AsyncCall, client: Client, options: CallResponseOptions, io: Io): Promise<void> {
  const { yellow, red } = colors(io.stderr, io);
  if (call.response !== undefined && hasEnded(call)) {
    const response = await asyncCallResponse(client, call);
    await printResponse({ target: call, response }, client, options, io);
    if (call.response.truncated)
      printStatus(io, `${yellow("warning:")} the end of the response is missing: it was too long to be stored`);
  }
  if (call.state === "completed") return;
  io.exitCode = 1;
  const state = formatState(call, Date.now());
  if (!hasEnded(call)) {
    printStatus(io, `${callKey(call)} has not ended: ${state}. ${whereToLook(call)}`);
    return;
  }
  printStatus(io, `${red("error:")} ${endpointKey(call)} ${state}`);
  printStatus(
    io,
    `${yellow("hint:")} run "faas calls show ${callKey(call)}" to see its deliveries, and "faas calls retry ${callKey(call)}" to try again`,
  );
}
