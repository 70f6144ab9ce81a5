import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { processStartedAt } from "@faas/platforms";

/** `lock.json` of a data folder: the one server that may write there. */
export interface Lock {
  readonly pid: number;
  /** With the pid, names one process (a pid is used again). */
  readonly processStartedAt: string;
  readonly host: string;
  /** Where it answers; empty until it listens. */
  readonly url: string;
}

const fileOf = (dataDir: string) => join(dataDir, "lock.json");

/** The lock of a server that is alive, or on another host where that cannot be told; `undefined` when there is none. */
export async function readLock(dataDir: string): Promise<Lock | undefined> {
  let lock: Lock;
  try {
    lock = JSON.parse(await readFile(fileOf(dataDir), "utf8"));
  } catch {
    return undefined; // Not there, or cut short by the death of the one that wrote it.
  }
  if (lock.host !== hostname()) return lock;
  return isAlive(lock) ? lock : undefined;
}

/** Whether the process that a lock of this host names is alive, be it that it has released the lock and is only ending. */
export const isAlive = (lock: Lock): boolean => processStartedAt(lock.pid) === lock.processStartedAt;

export class HeldLock {
  readonly #dataDir: string;
  readonly #lock: Lock;

  private constructor(dataDir: string, lock: Lock) {
    this.#dataDir = dataDir;
    this.#lock = lock;
  }

  /** Takes the lock, or that of a server that is dead. Rejects with STATE_LOCKED when another one is alive. */
  static async take(dataDir: string): Promise<HeldLock> {
    const lock: Lock = {
      pid: process.pid,
      processStartedAt: processStartedAt(process.pid) ?? "",
      host: hostname(),
      url: "",
    };
    for (let attempt = 0; ; attempt++) {
      try {
        const handle = await open(fileOf(dataDir), "wx", 0o600);
        await handle.writeFile(JSON.stringify(lock)).finally(() => handle.close());
        return new HeldLock(dataDir, lock);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 3) throw error;
      }
      const other = await readLock(dataDir);
      if (other) throw locked(dataDir, other);
      // Moved away first: of two that find the same dead lock, one moves it, and the other tries again.
      const stale = `${fileOf(dataDir)}.${process.pid}.stale`;
      await rename(fileOf(dataDir), stale).catch(() => {});
      await rm(stale, { force: true });
    }
  }

  /** Tells where the server answers. */
  async announce(url: string): Promise<void> {
    const temporary = `${fileOf(this.#dataDir)}.new`;
    await writeFile(temporary, JSON.stringify({ ...this.#lock, url }), { mode: 0o600 });
    await rename(temporary, fileOf(this.#dataDir));
  }

  async release(): Promise<void> {
    await rm(fileOf(this.#dataDir), { force: true });
  }
}

function locked(dataDir: string, lock: Lock): FaasError {
  const where = lock.url ? `, and answers at ${lock.url}` : "";
  const host = lock.host === hostname() ? "" : ` on ${lock.host}`;
  return new FaasError(
    "STATE_LOCKED",
    `A server runs on ${dataDir} already: process ${lock.pid}${host}${where}. End it with "faas down", or choose another folder with --data`,
    { extensions: { pid: lock.pid, url: lock.url } },
  );
}
