import { Readable } from "node:stream";
import { type EndpointRef, FaasError, type LogOptions, parseDuration } from "@faas/core";
import type { Context } from "koa";
import type { RequestDeps } from "./app.ts";

/** Answers with the endpoint's log lines as they come, a JSON object a line. */
export function streamLogs(context: Context, ref: EndpointRef, { logs, ending, access }: RequestDeps): void {
  const gone = new AbortController();
  context.res.once("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, ending, ...(access.signal ? [access.signal] : [])]);
  const lines = logs.read(ref, { ...optionsOf(context), signal });
  // Koa's is 404 until there is a body, and the header goes before it.
  context.status = 200;
  context.type = "application/x-ndjson";
  context.res.setHeader("Cache-Control", "no-store");
  context.flushHeaders();
  context.body = Readable.from(
    (async function* () {
      for await (const line of lines) yield `${JSON.stringify(line)}\n`;
    })(),
  );
}

function optionsOf(context: Context): LogOptions {
  const { follow, tail, since, replica } = context.query;
  const options: { -readonly [key in keyof LogOptions]: LogOptions[key] } = { follow: follow === "true" };
  if (tail !== undefined) {
    if (!/^\d{1,9}$/.test(String(tail)))
      throw new FaasError("INVALID_REQUEST", `Expected "tail" to be a number of lines, got "${tail}"`);
    options.tail = Number(tail);
  }
  if (since !== undefined) options.sinceMs = timeOf(String(since));
  if (replica !== undefined) options.replica = String(replica);
  return options;
}

function timeOf(since: string): number {
  const back = parseDuration(since);
  const time = back === undefined ? Date.parse(since) : Date.now() - back;
  if (Number.isNaN(time))
    throw new FaasError(
      "INVALID_REQUEST",
      `Expected "since" to be a duration such as 5m or a time (RFC 3339), got "${since}"`,
    );
  return time;
}
