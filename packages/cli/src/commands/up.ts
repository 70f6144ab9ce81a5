import { once } from "node:events";
import { FaasError, isLoopback } from "@faas/core";
import type { Command } from "commander";
import { dataFolder } from "../server-process/data-folder.ts";
import { type ServerAccess, type ServerReport, startDetached } from "../server-process/detached-server.ts";
import {
  addUpOptions,
  reportDeprecated,
  serverArguments,
  serverOptions,
  type UpOptions,
} from "../server-process/options.ts";
import type { Io } from "../terminal/io.ts";
import { colors, printStatus, printWarning } from "../terminal/output.ts";

export function define(command: Command, io: Io): void {
  addUpOptions(command)
    .addHelpText(
      "after",
      "\nCtrl-C stops the server after the requests in progress (exit code 130); a second Ctrl-C stops it at once.",
    )
    .action(async () => up(command.optsWithGlobals<UpOptions>(), io));
}

async function up(options: UpOptions, io: Io): Promise<void> {
  const dataDir = dataFolder(options.data, io);
  reportDeprecated(options, io);
  if (options.detach) await runDetached(options, dataDir, io);
  else await runAttached(options, dataDir, io);
}

async function runAttached(options: UpOptions, dataDir: string, io: Io): Promise<void> {
  const { startReplaceableServer } = await import("@faas/server");
  const server = await startReplaceableServer(serverOptions(options, dataDir, io)).catch((error) => {
    if (error instanceof FaasError) report({ failed: { code: error.code, message: error.message } });
    throw error;
  });
  try {
    io.stdout.write(`${server.url}\n`);
    const { url, auth, adminToken } = server;
    const access = { url, auth, ...(adminToken === undefined ? {} : { adminToken }) };
    // The parent of a detached server shows the key: stderr of this process is a log file then.
    if (process.connected) report(access);
    else printAccess(access, options.host, io);
    if (server.replacedPid !== undefined) printStatus(io, `Took over from process ${server.replacedPid}`);
    printStatus(io, `faas is up, its data in ${dataDir}. Stop it with Ctrl-C`);
    if (!io.signal.aborted) await Promise.race([once(io.signal, "abort"), server.lost, server.replaced]);
    printStatus(io, "Stopping after the requests in progress. Press Ctrl-C again to stop at once");
  } finally {
    await server.stop();
  }
}

async function runDetached(options: UpOptions, dataDir: string, io: Io): Promise<void> {
  const started = await startDetached(serverArguments(options, dataDir, io), dataDir, io.signal);
  const { url, pid, logFile } = started;
  const { data, host } = options;
  io.stdout.write(`${url}\n`);
  printAccess(started, host, io);
  printStatus(
    io,
    `faas is up: process ${pid}, log ${logFile}. Stop it with "faas down${data ? ` --data ${data}` : ""}"`,
  );
}

/** Prints who can use a new server: a new admin key, or a warning that everyone can. */
function printAccess({ url, auth, adminToken }: ServerAccess, host: string, io: Io): void {
  if (!auth && !isLoopback(host))
    printWarning(
      io,
      `keys are not required, and ${host} is reachable from other machines: anyone there can do everything`,
    );
  if (adminToken === undefined) return;
  const { bold } = colors(io.stderr, io);
  printStatus(io, "Keys are required. Save this admin key, it is not shown again:");
  printStatus(io, `  ${bold(adminToken)}`);
  printStatus(io, `  ${bold(`faas login --server ${url}`)}  # asks for the key and saves it`);
}

/** Reports to the `faas up --detach` that started this process, if one did. */
function report(message: ServerReport): void {
  if (process.connected) process.send?.(message);
}
