import { mkdir } from "node:fs/promises";
import type { Logger } from "pino";
import type { DisposerStack } from "./lib/disposer-stack.ts";
import type { ServerOptions } from "./options.ts";
import { DataDirLock } from "./state/data-dir-lock.ts";

/** Start of a server, as far as the lock needs it. */
interface LockContext {
  readonly options: Pick<ServerOptions, "lockTimeoutMs">;
  readonly dataDir: string;
  readonly log: Logger;
  readonly stack: DisposerStack;
  readonly role: DisposerStack;
}

/**
 * Creates the data folder and locks it. The promise `lost` rejects when another server has the lock.
 *
 * @throws STATE_LOCKED
 */
export async function lockDataDir({ options, dataDir, log, stack, role }: LockContext) {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const onWait = (message: string) => log.info({ dataDir }, `waiting: ${message}`);
  const lock = await DataDirLock.acquire(dataDir, { timeoutMs: options.lockTimeoutMs ?? 0, onWait });
  stack.share({ [Symbol.asyncDispose]: () => lock.release() }, role);
  const lost = Promise.withResolvers<never>();
  // Not every caller listens.
  lost.promise.catch(() => {});
  lock.startHeartbeat((error) => {
    log.fatal(error.message);
    lost.reject(error);
  });
  return { lock, lost: lost.promise };
}
