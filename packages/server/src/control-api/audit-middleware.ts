import { type AuditEntry, type Logger, secretNameProblem } from "@faas/core";
import type { VerifiedKey } from "@faas/gateway";
import type { Context, Middleware } from "koa";
import type { AuditLog } from "../audit/audit-log.ts";
import { clientAddress } from "../audit/client-address.ts";
import { stateOf } from "./route.ts";

/** Codes of requests that were rejected because of their key. */
const PERMISSION_CODES = new Set(["UNAUTHENTICATED", "FORBIDDEN"]);

/** Records requests that changed something, or were rejected, before they are answered. */
export function audited(audit: AuditLog, log: Logger): Middleware {
  return async (context, next) => {
    await next();
    const entry = entryOf(context);
    if (!entry) return;
    // The change has been made, and the response must say so.
    await audit.write(entry).catch((error) => log.error({ err: error, entry }, "cannot write the audit log"));
  };
}

function entryOf(context: Context): AuditEntry | undefined {
  const { route, key, code, target, change, requestId } = stateOf(context);
  if (!route || route.requires === "open") return undefined;
  const parameters = context.params as Readonly<Record<string, string>>;
  const { org } = parameters;
  const isOtherOrg = key?.record.org !== undefined && org !== undefined && key.record.org !== org;
  // Events and messages of agents change nothing on the server, and come as often as calls.
  const isCall = route.requires === "invoke" || route.requires === "call";
  const isRead = route.method === "get" || route.method === "head" || isCall;
  if (isRead && !isOtherOrg && !PERMISSION_CODES.has(code ?? "")) return undefined;
  return {
    time: new Date().toISOString(),
    requestId,
    ...(key ? { key: auditedKey(key) } : {}),
    action: `${context.method} ${route.path}`,
    // A client may have sent a key instead of a name.
    target: (target ?? auditedParameters(parameters).join("/")).replaceAll(/faas_\w{20,}/g, "faas_…").slice(0, 300),
    from: clientAddress(context.req),
    status: context.status,
    ...(change === undefined ? {} : { change }),
    ...(code === undefined ? {} : { code }),
  };
}

/** Hides what is not the name of a secret: a client may have sent its value too, as in `NAME=value`. */
const auditedParameters = (parameters: Readonly<Record<string, string>>) =>
  Object.entries(parameters).map(([name, value]) => (name === "name" && secretNameProblem(value) ? "…" : value));

function auditedKey({ id, record: { name, scope, org } }: VerifiedKey) {
  return { id, name, scope, ...(org === undefined ? {} : { org }) };
}
