import { Readable } from "node:stream";
import {
  type EndpointRef,
  type LogOptions,
  logLevelSchema,
  parseDuration,
  sinceSchema,
  statusListSchema,
  tailSchema,
  validate,
} from "@faas/core";
import type { Context } from "koa";
import type { LogStore } from "../logs/log-store.ts";

export interface LogStreamDeps {
  readonly logs: Pick<LogStore, "read">;
  /** Aborted when responses that would never end have to. */
  readonly ending: AbortSignal;
}

/**
 * Starts a response with the endpoint's log lines as they are printed, one JSON object per line.
 * @param keySignal aborted when the key of the request is no longer valid
 * @throws INVALID_REQUEST
 */
export function streamLogs(
  context: Context,
  ref: EndpointRef,
  keySignal: AbortSignal | undefined,
  { logs, ending }: LogStreamDeps,
): Readable {
  const disconnected = new AbortController();
  context.res.once("close", () => disconnected.abort());
  const signal = AbortSignal.any([disconnected.signal, ending, ...(keySignal ? [keySignal] : [])]);
  const lines = logs.read(ref, { ...optionsOf(context), signal });
  // The header is sent before the first line, which may be long in coming.
  context.status = 200;
  context.type = "application/x-ndjson";
  context.set("Cache-Control", "no-store");
  context.flushHeaders();
  return Readable.from(
    (async function* () {
      for await (const line of lines) yield `${JSON.stringify(line)}\n`;
    })(),
  );
}

function optionsOf(context: Context): LogOptions {
  const { follow, tail, since, replica, access, grep, status, requestId, level } = context.query;
  const text = (value: string | string[] | undefined) => (value === undefined ? undefined : String(value));
  return {
    follow: follow === "true",
    ...(tail === undefined ? {} : { tail: Number(validate(tailSchema, String(tail), "the query")) }),
    ...(since === undefined ? {} : { sinceMs: timeOf(validate(sinceSchema, String(since), "the query")) }),
    ...(replica === undefined ? {} : { replica: String(replica) }),
    access: access === "true",
    filter: {
      grep: text(grep),
      requestId: text(requestId),
      ...(status === undefined ? {} : { status: validate(statusListSchema, String(status), "the query") }),
      ...(level === undefined ? {} : { level: validate(logLevelSchema, String(level), "the query") }),
    },
  };
}

function timeOf(since: string): number {
  const durationMs = parseDuration(since);
  return durationMs === undefined ? Date.parse(since) : Date.now() - durationMs;
}
