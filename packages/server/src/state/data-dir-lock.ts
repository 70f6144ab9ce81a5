import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
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

export interface LockOptions {
  /** How long to wait for a server on another host that is alive, and may be ending; 0. */
  readonly timeoutMs?: number;
  /** Told once, when there is one that has to be waited for or watched. */
  readonly onWait?: (message: string) => void;
}

/** The holder touches its lock so often. */
const BEAT_MS = 1_000;
/** A lock of another host that was not touched for so long, by the clock of the one that watches it, is of a server that is dead. */
const SILENCE_MS = 3_000;
const STEP_MS = 100;
/** For others that looked at a dead lock when we did. */
const SETTLE_MS = 50;

const fileOf = (dataDir: string) => join(dataDir, "lock.json");

/** The lock of a server that is alive, or on another host where that cannot be told; `undefined` when there is none. */
export async function readLock(dataDir: string): Promise<Lock | undefined> {
  const lock = parse(await readFile(fileOf(dataDir), "utf8").catch(() => ""));
  return lock && (lock.host !== hostname() || isAlive(lock)) ? lock : undefined;
}

/** Whether the process that a lock of this host names is alive, be it that it has released the lock and is only ending. */
export const isAlive = (lock: Lock): boolean => processStartedAt(lock.pid) === lock.processStartedAt;

/**
 * The right to write to a data folder. A process of this host is asked for by its pid. One of another host (a pod that was killed is
 * one) shows that it is alive by touching the lock; when it falls silent it loses the lock, and learns so before it writes again.
 */
export class DataDirLock {
  readonly #dataDir: string;
  readonly #lock: Lock;
  /** Of the file that was made, wherever it is by now: nothing that is written through it can hit the lock of another server. */
  readonly #handle: FileHandle;
  #beating: NodeJS.Timeout | undefined;
  #lost: FaasError | undefined;

  private constructor(dataDir: string, lock: Lock, handle: FileHandle) {
    this.#dataDir = dataDir;
    this.#lock = lock;
    this.#handle = handle;
  }

  /** Takes the lock, or that of a server that is dead. Rejects with STATE_LOCKED when another one is alive. */
  static async take(dataDir: string, { timeoutMs = 0, onWait }: LockOptions = {}): Promise<DataDirLock> {
    const file = fileOf(dataDir);
    const began = performance.now();
    let foundDead = false;
    let before: (Seen & { readonly since: number }) | undefined;
    for (;;) {
      const held = await DataDirLock.#make(dataDir);
      if (held && (!foundDead || (await held.#stays()))) return held;
      if (held) continue;
      const seen = await look(file);
      if (!seen) continue;
      const other = parse(seen.text);
      if (other?.host === hostname()) {
        if (isAlive(other)) throw locked(dataDir, other);
        foundDead = true;
        await moveAway(file, seen);
        continue;
      }
      const now = performance.now();
      if (before?.text !== seen.text || before.touched !== seen.touched) {
        // It was touched while we looked: alive.
        if (before && now - began >= timeoutMs) throw locked(dataDir, other);
        if (!before) onWait?.(`the data folder is locked by a server on ${other?.host ?? "another host"}`);
        before = { ...seen, since: now };
      } else if (now - before.since >= SILENCE_MS) {
        foundDead = true;
        await moveAway(file, seen);
        before = undefined;
        continue;
      }
      await delay(STEP_MS);
    }
  }

  static async #make(dataDir: string): Promise<DataDirLock | undefined> {
    const lock: Lock = {
      pid: process.pid,
      processStartedAt: processStartedAt(process.pid) ?? "",
      host: hostname(),
      url: "",
    };
    try {
      const handle = await open(fileOf(dataDir), "wx", 0o600);
      await handle.write(textOf(lock), 0);
      return new DataDirLock(dataDir, lock, handle);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
      throw error;
    }
  }

  /**
   * Another one that found the same dead lock may move ours away by mistake, and a third one make its own before ours is put back.
   * `verify` would tell before anything is written; this spares a start that ends at once.
   */
  async #stays(): Promise<boolean> {
    await delay(SETTLE_MS);
    try {
      await this.verify();
      return true;
    } catch {
      await this.#handle.close();
      return false;
    }
  }

  /** Begins to touch the lock. `onLost` is told, once, that another server has it. */
  keep(onLost: (error: FaasError) => void): void {
    let busy = false;
    this.#beating = setInterval(async () => {
      if (busy) return;
      busy = true;
      const now = new Date();
      // A disk that fails for a moment is no loss: who has the lock is asked before every write.
      await this.#handle.utimes(now, now).catch(() => {});
      const lost = await this.verify().catch((error) => error);
      busy = false;
      if (!(lost instanceof FaasError) || this.#beating === undefined) return;
      this.#stopBeating();
      onLost(lost);
    }, BEAT_MS);
    this.#beating.unref();
  }

  /** Rejects with STATE_LOCKED when the lock is another server's, or gone: then nothing of the data folder may be written. */
  async verify(): Promise<void> {
    if (this.#lost) throw this.#lost;
    const own = await this.#handle.stat({ bigint: true });
    const there = await inodeAt(fileOf(this.#dataDir));
    if (there?.ino === own.ino && there.dev === own.dev) return;
    const other = parse(await readFile(fileOf(this.#dataDir), "utf8").catch(() => ""));
    this.#lost = new FaasError(
      "STATE_LOCKED",
      `This server has lost its data folder ${this.#dataDir}: ${
        other ? `process ${other.pid} on ${other.host} has taken it over` : "its lock.json is gone"
      }. Nothing was overwritten, and this server stops`,
    );
    throw this.#lost;
  }

  /** Tells where the server answers. */
  async announce(url: string): Promise<void> {
    await this.#handle.write(textOf({ ...this.#lock, url }), 0);
  }

  async release(): Promise<void> {
    this.#stopBeating();
    const isOurs = await this.verify().then(
      () => true,
      () => false,
    );
    if (isOurs) await rm(fileOf(this.#dataDir), { force: true });
    await this.#handle.close();
  }

  #stopBeating(): void {
    clearInterval(this.#beating);
    this.#beating = undefined;
  }
}

interface Seen {
  readonly text: string;
  readonly touched: bigint;
}

/** Opened anew each time: a network file system asks its server only then (nfs(5), "Close-to-open cache consistency"). */
async function look(file: string): Promise<Seen | undefined> {
  const handle = await openIfThere(file);
  if (!handle) return undefined;
  try {
    const { mtimeNs } = await handle.stat({ bigint: true });
    return { text: await handle.readFile("utf8"), touched: mtimeNs };
  } finally {
    await handle.close();
  }
}

async function inodeAt(file: string): Promise<{ readonly ino: bigint; readonly dev: bigint } | undefined> {
  const handle = await openIfThere(file);
  return handle?.stat({ bigint: true }).finally(() => handle.close());
}

const openIfThere = (file: string) =>
  open(file, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });

/** Removes a dead server's lock. Moved first: of two that find the same one, one moves it, and the other puts back what it took by mistake. */
async function moveAway(file: string, dead: Seen): Promise<void> {
  const stale = `${file}.${randomUUID()}.stale`;
  try {
    await rename(file, stale);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const moved = await readFile(stale, "utf8");
  if (moved !== dead.text) await link(stale, file).catch(() => {});
  await rm(stale, { force: true });
}

const textOf = (lock: Lock) => JSON.stringify(lock);

/** `undefined` for one that was cut short by the death of the one that wrote it. */
function parse(text: string): Lock | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function locked(dataDir: string, lock: Lock | undefined): FaasError {
  const where = lock?.url ? `, and answers at ${lock.url}` : "";
  const host = lock?.host === hostname() ? "" : ` on ${lock?.host ?? "another host"}`;
  return new FaasError(
    "STATE_LOCKED",
    `A server runs on ${dataDir} already: process ${lock?.pid ?? "?"}${host}${where}. End it with "faas down", or choose another folder with --data`,
    { extensions: { pid: lock?.pid, url: lock?.url } },
  );
}
