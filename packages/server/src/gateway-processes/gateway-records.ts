import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processStartedAt } from "@faas/platforms";

/** A gateway process that may outlive its server. */
export interface OrphanGateway {
  readonly pid: number;
  readonly startedAt: string;
  readonly port: number;
  /** Work folder of its server, relative to the data folder. */
  readonly workDir: string;
}

/** Records of gateway processes, one file each: gateways continue to serve calls when their server is killed, and the next server replaces them. */
export class GatewayRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  add(name: string, { pid, port, workDir }: Omit<OrphanGateway, "startedAt">): void {
    const startedAt = processStartedAt(pid);
    if (startedAt === undefined) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    writeFileSync(this.#file(name), JSON.stringify({ pid, startedAt, port, workDir } satisfies OrphanGateway));
  }

  remove(name: string): void {
    rmSync(this.#file(name), { force: true });
  }

  /** Returns the gateways that run, and removes the records of others. */
  running(): OrphanGateway[] {
    const running: OrphanGateway[] = [];
    for (const file of this.#files()) {
      const record = readRecord(file);
      if (record && isRunning(record)) running.push(record);
      else rmSync(file, { force: true });
    }
    return running;
  }

  #files(): string[] {
    try {
      return readdirSync(this.#folder).map((name) => join(this.#folder, name));
    } catch {
      return [];
    }
  }

  #file(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}

export const isRunning = ({ pid, startedAt }: OrphanGateway): boolean => processStartedAt(pid) === startedAt;

function readRecord(file: string): OrphanGateway | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
