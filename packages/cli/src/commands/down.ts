import { FaasError } from "@faas/core";
import type { Command } from "commander";
import { dataFolder } from "../data-folder.ts";
import type { GlobalOptions, Io } from "../io.ts";
import { say } from "../output.ts";

/** A graceful stop takes at most 10 s for requests, and the timeout of the slowest endpoint. */
const WAIT_MS = 60_000;
const LOOK_MS = 50;

export function define(command: Command, io: Io): void {
  command
    .option("--data <dir>", "data folder of the server (or FAAS_DATA; default ~/.local/share/faas)")
    .action(async () => down(command.optsWithGlobals<GlobalOptions & { data?: string }>().data, io));
}

async function down(data: string | undefined, io: Io): Promise<void> {
  const dataDir = dataFolder(data, io.env as NodeJS.ProcessEnv);
  const { readLock } = await import("@faas/server/lock");
  const lock = await readLock(dataDir);
  if (!lock) throw new FaasError("SERVER_NOT_RUNNING", `No server runs on ${dataDir}`);
  process.kill(lock.pid, "SIGTERM");
  const deadline = Date.now() + WAIT_MS;
  // It is no child of ours: that it has ended can only be looked at.
  while (await readLock(dataDir)) {
    io.signal.throwIfAborted();
    if (Date.now() > deadline)
      throw new FaasError("INTERNAL", `The server, process ${lock.pid}, did not end within ${WAIT_MS / 1000} s`);
    await new Promise((later) => setTimeout(later, LOOK_MS));
  }
  say(io, `Stopped the server that answered at ${lock.url}.`);
}
