import { type Logger, secretNameProblem } from "@faas/core";
import type { VerifiedKey } from "@faas/gateway";
import type { Context, Middleware } from "koa";
import type { AuditEntry, AuditLog } from "../audit/audit-log.ts";

import type { Route } from "./route.ts";

/** Refused for who asks, not for what was asked. */
const REFUSALS = new Set(["UNAUTHENTICATED", "FORBIDDEN"]);

/** Writes down what was changed, or refused, before it is answered. */
export function audited(audit: AuditLog, log: Logger): Middleware {
  return async (context, next) => {
    await next();
    const entry = entryOf(context);
    if (!entry) return;
    // What was done is done, and is said.
    await audit.write(entry).catch((error) => log.error({ err: error, entry }, "the audit trail could not be written"));
  };
}

function entryOf(context: Context): AuditEntry | undefined {
  const { route, key, code, target, change, requestId } = context.state as {
    readonly change?: object;
    readonly route?: Route;
    readonly key?: VerifiedKey;
    readonly code?: string;
    readonly target?: string;
    readonly requestId: string;
  };
  if (!route || route.access === "open") return undefined;
  const parameters = context.params as Readonly<Record<string, string>>;
  const { org } = parameters;
  const isElsewhere = key?.record.org !== undefined && org !== undefined && key.record.org !== org;
  const reads = route.method === "get" || route.method === "head";
  if (reads && !isElsewhere && !REFUSALS.has(code ?? "")) return undefined;
  return {
    time: new Date().toISOString(),
    requestId,
    ...(key ? { key: shown(key) } : {}),
    action: `${context.method} ${route.path}`,
    // Somebody may have put a key where a name belongs.
    target: (target ?? shownParameters(parameters).join("/")).replaceAll(/faas_\w{20,}/g, "faas_…").slice(0, 300),
    // Not what a header says: anybody can write one.
    from: context.req.socket.remoteAddress ?? "unknown",
    status: context.status,
    ...(change === undefined ? {} : { change }),
    ...(code === undefined ? {} : { code }),
  };
}

/** Where the name of a secret belongs somebody may have put its value too: `NAME=value`. */
const shownParameters = (parameters: Readonly<Record<string, string>>) =>
  Object.entries(parameters).map(([name, value]) => (name === "name" && secretNameProblem(value) ? "…" : value));

function shown({ id, record: { name, scope, org } }: VerifiedKey) {
  return { id, name, scope, ...(org === undefined ? {} : { org }) };
}
