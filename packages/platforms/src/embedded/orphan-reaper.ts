import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processStartedAt } from "./process-start-time.ts";

interface ProcessRecord {
  readonly pid: number;
  readonly startedAt: string;
  /** Files and folders that only this process used. */
  readonly leftovers: readonly string[];
}

/**
 * Records of the replicas' processes, one file each. A killed server cannot end its children, so the next server on the same data folder finds them here and
 * ends them.
 */
export class ProcessRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /**
   * Writes the record of a process. A record that cannot be written, because the disk is full for instance, does not prevent the replica's start:
   * `endListenersIn` also finds its process.
   *
   * @param leftovers files and folders that only this process uses
   */
  add(id: string, pid: number, leftovers: readonly string[]): void {
    const startedAt = processStartedAt(pid);
    if (startedAt === undefined) return;
    try {
      const record: ProcessRecord = { pid, startedAt, leftovers };
      writeFileSync(join(this.#folder, `${id}.json`), JSON.stringify(record));
    } catch {
      this.remove(id);
    }
  }

  remove(id: string): void {
    rmSync(join(this.#folder, `${id}.json`), { force: true });
  }

  /** Ends every recorded process and its process group, and removes its leftovers. Returns the number of ended processes. */
  endOrphans(): number {
    let ended = 0;
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      const record = readRecord(file);
      if (record && processStartedAt(record.pid) === record.startedAt) {
        endGroup(record.pid);
        ended++;
      }
      for (const leftover of record?.leftovers ?? []) rmSync(leftover, { recursive: true, force: true });
      rmSync(file, { force: true });
    }
    return ended;
  }
}

/**
 * Ends every process whose PORT is in this folder: a server that was killed while it started a replica may have left a process without a record. Works on
 * Linux only (proc(5)). Returns the number of ended processes.
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

/** Returns the environment of a process, with NUL before each variable; empty if it cannot be read. */
function environmentOf(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`;
  } catch {
    return "";
  }
}

function readRecord(file: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // The server was killed while it wrote the record; `endListenersIn` finds the process.
  }
}

const endGroup = (pid: number) => endProcess(-pid);

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile, or does not lead a group.
  }
}
