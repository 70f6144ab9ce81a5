import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import type { Command } from "commander";
import { dataFolder } from "../server-process/data-folder.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly data?: string;
}

/** The server gives requests 10 s to finish, and its replicas some more. */
const PATIENCE_MS = 60_000;
const STEP_MS = 20;

export function define(command: Command, io: Io): void {
  command
    .option("--data <dir>", "its data folder, as given to faas up (or FAAS_DATA; default ~/.local/share/faas)")
    .action(async () => down(command.optsWithGlobals<Options>(), io));
}

async function down(options: Options, io: Io): Promise<void> {
  const dataDir = dataFolder(options.data, io);
  const { isAlive, readLock } = await import("@faas/server/lock");
  const lock = await readLock(dataDir);
  if (!lock)
    throw new FaasError("SERVER_NOT_RUNNING", `No server runs on ${dataDir}; another folder is named with --data`);
  if (lock.host !== hostname()) {
    const where = `process ${lock.pid} on ${lock.host}`;
    throw new FaasError("SERVER_NOT_RUNNING", `The server of ${dataDir} is ${where}: end it there with "faas down"`);
  }
  process.kill(lock.pid, "SIGTERM");
  const deadline = performance.now() + PATIENCE_MS;
  // It is no child of ours: that it has ended can only be looked at.
  while (isAlive(lock)) {
    if (performance.now() > deadline)
      throw new FaasError(
        "INTERNAL",
        `Process ${lock.pid} has not ended after ${PATIENCE_MS / 1000} s; "kill -9 ${lock.pid}" ends it`,
      );
    await delay(STEP_MS, undefined, { signal: io.signal });
  }
  printStatus(io, `Stopped the server${lock.url ? ` at ${lock.url}` : ""} (process ${lock.pid})`);
}
