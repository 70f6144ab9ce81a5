import type { Logger } from "@faas/core";
import { type AuditLog, keyCreatedLocally } from "../audit/audit-log.ts";
import type { KeyService } from "./key-service.ts";

interface FirstKeyContext {
  readonly keys: KeyService;
  readonly audit: AuditLog;
  readonly log: Logger;
}

/** Creates an admin key where there is none; returns its token. */
export async function createFirstKey({ keys, audit, log }: FirstKeyContext): Promise<string | undefined> {
  if (keys.hasAdmin()) return undefined;
  const { id, token } = await keys.create({ scope: "admin", name: "first" });
  await audit
    .write(keyCreatedLocally("faas up", id))
    .catch((error) => log.error({ err: error }, "failed to write the audit log"));
  return token;
}
