import { join } from "node:path";
import { CertificateSet, type Tracing } from "@faas/gateway";
import type { Logger } from "pino";
import { AuditLog } from "./audit/audit-log.ts";
import { readVerifier } from "./auth/admin-key-file.ts";
import { KeyService } from "./auth/key-service.ts";
import { BundleStore } from "./bundles/bundle-store.ts";
import type { DisposerStack } from "./lib/disposer-stack.ts";
import { lockDataDir } from "./lock-data-folder.ts";
import { LogStore } from "./logs/log-store.ts";
import { certificatesIn, type ServerOptions } from "./options.ts";
import { openJournalQueue } from "./queue/journal/journal-queue.ts";
import type { Queue } from "./queue/queue.ts";
import { instanceId } from "./state/instance-id.ts";
import { Store } from "./state/store.ts";

/** Start under way: its steps, and how to undo them. */
export interface Startup {
  readonly options: ServerOptions;
  readonly dataDir: string;
  readonly log: Logger;
  /** Everything that was started so far; disposed of in reverse order when the server stops, or the start fails. */
  readonly stack: DisposerStack;
  /** The parts that only one server on a data folder may have; disposed of before the others when another server takes over. */
  readonly role: DisposerStack;
  /** Absent: nothing is traced. */
  readonly tracing: Tracing | undefined;
  step<T>(name: string, run: () => T | Promise<T>): Promise<T>;
}

export type Storage = Awaited<ReturnType<typeof openStorage>>;

/** Opens everything in the data folder. */
export async function openStorage(startup: Startup) {
  const { options, dataDir, log, stack, role, step } = startup;
  const fixedKey = await step("admin key file", () => readVerifier(options.adminKeyFile));
  const { lock, lost } = await step("data folder", () => lockDataDir(startup));
  const files = certificatesIn(options);
  const certificates = await step("certificate", async () =>
    files.length === 0 ? undefined : stack.use(await CertificateSet.open(files, log)),
  );
  const audit = await step("audit log", () => stack.share(new AuditLog(dataDir), role));
  const store = await step("store", () =>
    Store.open(dataDir, {
      assertLockHeld: () => lock.verify(),
      onCompactionFailed: (error) => log.warn({ err: error }, "failed to compact the state journal, will retry"),
    }),
  );
  stack.share({ [Symbol.asyncDispose]: () => store.close() }, role);
  const queue = await step("queue", () => openQueue(startup, () => lock.verifyRecently()));
  stack.share(queue, role);
  const logs = stack.use(new LogStore(dataDir));
  const bundles = new BundleStore(dataDir, options.bundleLimitBytes ?? 512 * 2 ** 20);
  const keys = new KeyService({ store, ...(fixedKey ? { fixed: fixedKey } : {}) });
  return { lock, lost, certificates, audit, store, queue, logs, bundles, keys };
}

async function openQueue({ options, dataDir, log }: Startup, assertLockHeld: () => Promise<void>): Promise<Queue> {
  if (!options.queue) return openJournalQueue({ folder: join(dataDir, "queue"), assertLockHeld, log });
  // Loaded here: few servers need it.
  const { openNatsQueue } = await import("./queue/nats/nats-queue.ts");
  return openNatsQueue({ ...options.queue, instance: await instanceId(dataDir), log });
}
