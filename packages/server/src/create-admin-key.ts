import type { NewKeyView } from "@faas/core";
import { AuditLog, keyCreatedLocally } from "./audit/audit-log.ts";
import { KeyService } from "./auth/key-service.ts";
import { DisposerStack } from "./lib/disposer-stack.ts";
import { DataDirLock } from "./state/data-dir-lock.ts";
import { Store } from "./state/store.ts";

/**
 * Creates an admin key in the data folder of a stopped server, to replace a lost one.
 *
 * @throws STATE_LOCKED while the server runs
 */
export async function createAdminKey(
  dataDir: string,
  { name = "recovered", expires }: { readonly name?: string; readonly expires?: string } = {},
): Promise<NewKeyView> {
  await using stack = new DisposerStack();
  const lock = await DataDirLock.acquire(dataDir);
  stack.defer(() => lock.release());
  const store = await Store.open(dataDir, { assertLockHeld: () => lock.verify() });
  stack.defer(() => store.close());
  const key = await new KeyService({ store }).create({ scope: "admin", name, expires });
  await stack.use(new AuditLog(dataDir)).write(keyCreatedLocally("faas key create --admin --data", key.id));
  return key;
}
