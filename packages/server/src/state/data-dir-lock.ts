import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { processStartedAt } from "@faas/platforms";

/** Contents of `lock.json` in a data folder: the one server that may write there. */
export interface Lock {
  readonly pid: number;
  /** Start time of the process: with the pid it identifies one process, because pids are reused. */
  readonly processStartedAt: string;
  readonly host: string;
  /** URL of the server; empty until it listens. */
  readonly url: string;
}

export interface LockOptions {
  /**
   * Time to wait for a live server on another host, which may be stopping.
   *
   * @defaultValue 0
   */
  readonly timeoutMs?: number;
  /** Called once when a lock of another host has to be watched or waited for. */
  readonly onWait?: (message: string) => void;
  /** Time; replaced in tests. */
  readonly clock?: Clock;
}

/** Source of time. */
export interface Clock {
  /** Milliseconds from any point in time. */
  now(): number;
  delay(ms: number): Promise<void>;
}

const SYSTEM_CLOCK: Clock = { now: () => performance.now(), delay: (ms) => delay(ms) };
/** Interval at which the holder touches its lock. */
const HEARTBEAT_MS = 1_000;
/** Time after a check within which another one is not necessary, if the lock was touched within a time that is well below `SILENCE_MS`. */
const RECENT_MS = 20;
const TOUCHED_MS = 2_000;
/** A lock of another host that was not touched for this time, by the clock of the process that watches it, belongs to a dead server. */
const SILENCE_MS = 3_000;
const POLL_MS = 100;
/** Time for other servers that found the same dead lock at the same moment. */
const SETTLE_MS = 50;

const fileOf = (dataDir: string) => join(dataDir, "lock.json");

/** Returns the lock of a live server, or of one on another host, where that is unknown; `undefined` when there is none. */
export async function readLock(dataDir: string): Promise<Lock | undefined> {
  const lock = parse(await readFile(fileOf(dataDir), "utf8").catch(() => ""));
  return lock && (lock.host !== hostname() || isAlive(lock)) ? lock : undefined;
}

/** True while the process of a lock on this host is alive, even when it has released the lock and is only exiting. */
export const isAlive = (lock: Lock): boolean => processStartedAt(lock.pid) === lock.processStartedAt;

/**
 * Exclusive right to write to a data folder. A holder on this host is looked up by its pid. A holder on another host (a killed pod, for example)
 * shows that it is alive by touching the lock; when it falls silent it loses the lock, and learns that before it writes again.
 */
export class DataDirLock {
  readonly #dataDir: string;
  readonly #lock: Lock;
  /** Handle of the file that this server created, wherever it is by now: writes through it cannot reach the lock of another server. */
  readonly #handle: FileHandle;
  #heartbeat: NodeJS.Timeout | undefined;
  #lost: FaasError | undefined;
  /** Begin of the last successful check, and of the last touch: `performance.now()`. */
  #verifiedMs = Number.NEGATIVE_INFINITY;
  #touchedMs = Number.NEGATIVE_INFINITY;

  private constructor(dataDir: string, lock: Lock, handle: FileHandle) {
    this.#dataDir = dataDir;
    this.#lock = lock;
    this.#handle = handle;
  }

  /**
   * Acquires the lock, also from a dead server.
   *
   * @throws STATE_LOCKED while another server is alive
   */
  static async acquire(
    dataDir: string,
    { timeoutMs = 0, onWait, clock = SYSTEM_CLOCK }: LockOptions = {},
  ): Promise<DataDirLock> {
    const file = fileOf(dataDir);
    const began = clock.now();
    let foundDead = false;
    let before: (Seen & { readonly since: number }) | undefined;
    for (;;) {
      const held = await DataDirLock.#create(dataDir);
      if (held && (!foundDead || (await held.#isStillHeld(clock)))) return held;
      if (held) continue;
      const seen = await look(file);
      if (!seen) continue;
      const other = parse(seen.text);
      if (other?.host === hostname()) {
        if (isAlive(other)) throw locked(dataDir, other);
        foundDead = true;
        await removeDead(file, seen);
        continue;
      }
      const now = clock.now();
      if (before?.text !== seen.text || before.touched !== seen.touched) {
        // Touched since the last look: alive.
        if (before && now - began >= timeoutMs) throw locked(dataDir, other);
        if (!before) onWait?.(`the data folder is locked by a server on ${other?.host ?? "another host"}`);
        before = { ...seen, since: now };
      } else if (now - before.since >= SILENCE_MS) {
        foundDead = true;
        await removeDead(file, seen);
        before = undefined;
        continue;
      }
      await clock.delay(POLL_MS);
    }
  }

  /** Creates the lock file; `undefined` when there is one. */
  static async #create(dataDir: string): Promise<DataDirLock | undefined> {
    const lock: Lock = {
      pid: process.pid,
      processStartedAt: processStartedAt(process.pid) ?? "",
      host: hostname(),
      url: "",
    };
    const file = fileOf(dataDir);
    const handle = await open(file, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return undefined;
      throw error;
    });
    if (!handle) return undefined;
    try {
      await handle.write(format(lock), 0);
      return new DataDirLock(dataDir, lock, handle);
    } catch (error) {
      await handle.close();
      await rm(file, { force: true });
      throw error;
    }
  }

  /**
   * Returns false when another server that found the same dead lock moved this one away by mistake, and a third one created its own before this one
   * was put back. `verify` would find that out before anything is written; checking here avoids a start that ends at once.
   */
  async #isStillHeld(clock: Clock): Promise<boolean> {
    await clock.delay(SETTLE_MS);
    try {
      await this.verify();
      return true;
    } catch {
      await this.#handle.close();
      return false;
    }
  }

  /** Touches the lock at regular intervals. `onLost` is called once, when another server has the lock. */
  startHeartbeat(onLost: (error: FaasError) => void): void {
    let busy = false;
    this.#heartbeat = setInterval(async () => {
      if (busy) return;
      busy = true;
      const now = new Date();
      const beganMs = performance.now();
      // A disk that fails for a moment does no harm: the lock is verified before every write.
      const isTouched = await this.#handle.utimes(now, now).then(
        () => true,
        () => false,
      );
      if (isTouched) this.#touchedMs = beganMs;
      const lost = await this.verify().catch((error) => error);
      busy = false;
      if (!(lost instanceof FaasError) || this.#heartbeat === undefined) return;
      this.#stopHeartbeat();
      onLost(lost);
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /**
   * Checks that this server still holds the lock; otherwise nothing in the data folder may be written.
   *
   * @throws STATE_LOCKED when another server holds it, or the file is missing
   */
  async verify(): Promise<void> {
    if (this.#lost) throw this.#lost;
    const beganMs = performance.now();
    const own = await this.#handle.stat({ bigint: true });
    const present = await inodeAt(fileOf(this.#dataDir));
    if (present?.ino === own.ino && present.dev === own.dev) {
      this.#verifiedMs = beganMs;
      return;
    }
    const other = parse(await readFile(fileOf(this.#dataDir), "utf8").catch(() => ""));
    this.#lost = new FaasError(
      "STATE_LOCKED",
      `This server has lost its data folder ${this.#dataDir}: ${
        other ? `process ${other.pid} on ${other.host} has taken it over` : "its lock.json is missing"
      }. Nothing was overwritten; this server stops`,
    );
    throw this.#lost;
  }

  /**
   * Checks it as `verify` does, unless that was done a moment ago. Another server takes the lock only after seconds without a touch, so that nothing can have
   * changed since; a process that was suspended in between finds that check or touch are too old.
   *
   * @throws STATE_LOCKED
   */
  async verifyRecently(): Promise<void> {
    const now = performance.now();
    const isRecent = now - this.#verifiedMs <= RECENT_MS && now - this.#touchedMs <= TOUCHED_MS;
    if (this.#lost || !isRecent) await this.verify();
  }

  /** Writes the URL of the server into the lock. */
  async announce(url: string): Promise<void> {
    await this.#handle.write(format({ ...this.#lock, url }), 0);
  }

  async release(): Promise<void> {
    this.#stopHeartbeat();
    const isHeld = await this.verify().then(
      () => true,
      () => false,
    );
    if (isHeld) await rm(fileOf(this.#dataDir), { force: true });
    await this.#handle.close();
  }

  #stopHeartbeat(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }
}

/** Lock file at one moment. */
interface Seen {
  readonly text: string;
  readonly touched: bigint;
}

/** Opens the file each time: a network file system asks its server only then (nfs(5), "Close-to-open cache consistency"). */
async function look(file: string): Promise<Seen | undefined> {
  const handle = await openIfExists(file);
  if (!handle) return undefined;
  try {
    const { mtimeNs } = await handle.stat({ bigint: true });
    return { text: await handle.readFile("utf8"), touched: mtimeNs };
  } finally {
    await handle.close();
  }
}

async function inodeAt(file: string): Promise<{ readonly ino: bigint; readonly dev: bigint } | undefined> {
  const handle = await openIfExists(file);
  return handle?.stat({ bigint: true }).finally(() => handle.close());
}

const openIfExists = (file: string) =>
  open(file, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });

/** Removes a dead server's lock. Renames it first: of two servers that find the same one, one renames it, and the other restores the lock it moved by mistake. */
async function removeDead(file: string, dead: Seen): Promise<void> {
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

const format = (lock: Lock) => JSON.stringify(lock);

/** Parses a lock; `undefined` for one that was cut short by a crash of its writer. */
function parse(text: string): Lock | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function locked(dataDir: string, lock: Lock | undefined): FaasError {
  const where = lock?.url ? `, which answers at ${lock.url}` : "";
  const host = lock?.host === hostname() ? "" : ` on ${lock?.host ?? "another host"}`;
  return new FaasError(
    "STATE_LOCKED",
    `Another server already uses ${dataDir}: process ${lock?.pid ?? "?"}${host}${where}. Stop it with "faas down", or choose another folder with --data`,
    { extensions: { pid: lock?.pid, url: lock?.url } },
  );
}
