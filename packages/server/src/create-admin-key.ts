import type { NewKeyView } from "@faas/core";
import { AuditLog, keyMadeHere } from "./audit/audit-log.ts";
import { KeyService } from "./auth/key-service.ts";
import { DataDirLock } from "./state/data-dir-lock.ts";
import { Store } from "./state/store.ts";

/** Makes an admin key in the data folder of a server that is stopped: for who has lost theirs. Rejects with STATE_LOCKED while one runs. */
export async function createAdminKey(
  dataDir: string,
  { name = "recovered", expires }: { readonly name?: string; readonly expires?: string } = {},
): Promise<NewKeyView> {
  const lock = await DataDirLock.take(dataDir);
  try {
    const store = await Store.open(dataDir, { assertLockHeld: () => lock.verify() });
    try {
      const made = await new KeyService({ store }).create({ scope: "admin", name, expires });
      const audit = new AuditLog(dataDir);
      await audit.write(keyMadeHere("faas key create --admin --data", made.id)).finally(() => audit.close());
      return made;
    } finally {
      await store.close();
    }
  } finally {
    await lock.release();
  }
}
