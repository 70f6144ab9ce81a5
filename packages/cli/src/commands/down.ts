import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import type { Command } from "commander";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import { DATA_OPTION_DEFAULT, dataFolder } from "../server-process/data-folder.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly data?: string;
}

/** Time limit for the server's exit. It gives requests 10 s to finish, and then ends its replicas. */
const EXIT_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

export function define(command: Command, io: Io): void {
  command
    .addOption(
      optionWithLaterDefault(
        "--data <dir>",
        "Data folder of the server, as for faas up (or FAAS_DATA)",
        DATA_OPTION_DEFAULT,
      ),
    )
    .action(async () => down(command.optsWithGlobals<Options>(), io));
}

async function down(options: Options, io: Io): Promise<void> {
  const dataDir = dataFolder(options.data, io);
  const { isAlive, readLock } = await import("@faas/server/lock");
  const lock = await readLock(dataDir);
  if (!lock)
    throw new FaasError("SERVER_NOT_RUNNING", `No server runs on ${dataDir}. Select another folder with --data`);
  if (lock.host !== hostname())
    throw new FaasError(
      "SERVER_NOT_RUNNING",
      `The server of ${dataDir} is process ${lock.pid} on ${lock.host}. Run "faas down" on that machine`,
    );
  process.kill(lock.pid, "SIGTERM");
  const deadline = performance.now() + EXIT_TIMEOUT_MS;
  // The server is not a child of this process, so nothing reports its exit.
  while (isAlive(lock)) {
    if (performance.now() > deadline)
      throw new FaasError(
        "INTERNAL",
        `Process ${lock.pid} did not exit within ${EXIT_TIMEOUT_MS / 1000} s. End it with "kill -9 ${lock.pid}"`,
      );
    await delay(POLL_MS, undefined, { signal: io.signal });
  }
  printStatus(io, `Stopped the server${lock.url ? ` at ${lock.url}` : ""} (process ${lock.pid})`);
}
