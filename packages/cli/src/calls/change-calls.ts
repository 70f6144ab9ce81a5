import { type AsyncCallSummary, FaasError } from "@faas/core";
import { type CallRef, listAsyncCalls } from "../client/async-calls.ts";
import type { Client } from "../client/client.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { showError } from "../terminal/output.ts";
import { type CallScope, parseCallRef, parseScope } from "./call-ref.ts";

/** Calls per request of a list. */
const PAGE = 100;
/** Changes at a time. */
const CONCURRENT = 8;

/** Calls that a command changes: single ones, or all that have failed. */
export type ChosenCalls = { readonly calls: readonly CallRef[] } | { readonly failedOf: CallScope };

/**
 * Parses the arguments of a command that changes calls.
 *
 * @throws USAGE
 */
export function parseChosen(targets: readonly string[], failed: boolean | undefined): ChosenCalls {
  if (!failed) return { calls: targets.map(parseCallRef) };
  const [target = "", ...more] = targets;
  if (more.length > 0)
    throw new FaasError("USAGE", `Expected one ORG or ORG/ENDPOINT with --failed, got "${targets.join(" ")}"`);
  return { failedOf: parseScope(target) };
}

/** Lists the failed calls page by page, the newest first. */
async function* failedCalls(client: Client, { org, endpoint }: CallScope): AsyncGenerator<readonly AsyncCallSummary[]> {
  const query = { state: "failed", limit: String(PAGE), ...(endpoint === undefined ? {} : { endpoint }) };
  let before: string | undefined;
  for (;;) {
    const { calls } = await listAsyncCalls(client, org, { ...query, ...(before === undefined ? {} : { before }) });
    if (calls.length > 0) yield calls;
    if (calls.length < PAGE) return;
    before = calls.at(-1)?.id;
  }
}

/** Changes calls, and returns their number. An error of one is printed, and the others are changed anyway; the exit code is 1 then. */
export async function changeCalls(
  chosen: ChosenCalls,
  client: Client,
  change: (ref: CallRef) => Promise<unknown>,
  options: GlobalOptions,
  io: Io,
): Promise<number> {
  const pages = "calls" in chosen ? [chosen.calls] : failedCalls(client, chosen.failedOf);
  const isNamed = "calls" in chosen;
  let changed = 0;
  for await (const page of pages) {
    const rest = page.values();
    const work = async () => {
      for (const ref of rest) {
        const done = await change(ref).then(
          () => true,
          (error: unknown) => {
            if (io.signal.aborted || !(error instanceof FaasError) || error.code === "SERVER_UNREACHABLE") throw error;
            // A failed call that was removed meanwhile needs no change.
            if (error.status === 404 && !isNamed) return false;
            showError(error, io, options.verbose ?? false);
            io.exitCode = 1;
            return false;
          },
        );
        if (done) changed++;
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, work));
  }
  return changed;
}
