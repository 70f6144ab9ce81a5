import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processStartedAt } from "./process-start-time.ts";

interface Entry {
  readonly pid: number;
  readonly startedAt: string;
  readonly leftovers: readonly string[];
}

/**
 * Replicas on record, a file each: a server that is killed cannot end its children, so the next one on the same data folder finds
 * them here and does.
 */
export class ProcessRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /**
   * `leftovers`: files and folders that are the replica's alone. What cannot be written down, for want of room for instance, is no reason to start no
   * replica: `endListenersIn` finds it.
   */
  add(id: string, pid: number, leftovers: readonly string[]): void {
    const startedAt = processStartedAt(pid);
    if (startedAt === undefined) return;
    try {
      writeFileSync(join(this.#folder, `${id}.json`), JSON.stringify({ pid, startedAt, leftovers } satisfies Entry));
    } catch {
      this.remove(id);
    }
  }

  remove(id: string): void {
    rmSync(join(this.#folder, `${id}.json`), { force: true });
  }

  /** Ends every process that is still on record, with its group, and removes what it left; gives how many there were. */
  endOrphans(): number {
    let ended = 0;
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      const entry = parse(file);
      if (entry && processStartedAt(entry.pid) === entry.startedAt) {
        endGroup(entry.pid);
        ended++;
      }
      for (const leftover of entry?.leftovers ?? []) rmSync(leftover, { recursive: true, force: true });
      rmSync(file, { force: true });
    }
    return ended;
  }
}

/**
 * Ends every process that was told to listen in this folder: a server that was killed at the moment in which it started a replica left
 * one that is on no record. Linux (proc(5)); gives how many there were.
 */
export function endListenersIn(folder: string): number {
  if (process.platform !== "linux") return 0;
  let ended = 0;
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || !environmentOf(pid).includes(`\0PORT=${folder}/`)) continue;
    endGroup(pid);
    endProcess(pid);
    ended++;
  }
  return ended;
}

/** With a NUL before each variable; empty when it may not be read. */
function environmentOf(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`;
  } catch {
    return "";
  }
}

function parse(file: string): Entry | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // Written half when the server was killed: then its process was not started yet, or is on no record.
  }
}

const endGroup = (pid: number) => endProcess(-pid);

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in between, or leads no group.
  }
}
