import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { programFile } from "../project/program-command.ts";

const LAST_LINES = 10;

/** Message of `faas up` to the process that started it, over Node's IPC channel. */
export type ServerReport = ServerAccess | { readonly failed: FaasErrorFields };
type FaasErrorFields = Pick<FaasError, "code" | "message">;

/** Address of a server and who can use it. */
export interface ServerAccess {
  readonly url: string;
  /** True when keys are required. */
  readonly auth: boolean;
  /** Token of the admin key that this start created. */
  readonly adminToken?: string;
}

export interface DetachedServer extends ServerAccess {
  readonly pid: number;
  /** File with the server's output. */
  readonly logFile: string;
}

/**
 * Starts `faas up` with these arguments as a separate process, which outlives this one, and resolves when it accepts requests. Rejects with the
 * server's own error.
 *
 * @throws SERVER_NOT_RUNNING with the last lines of its log when the process ends without an error
 */
export async function startDetached(
  args: readonly string[],
  dataDir: string,
  signal?: AbortSignal,
): Promise<DetachedServer> {
  await mkdir(dataDir, { recursive: true });
  const logFile = join(dataDir, "server.log");
  const log = await open(logFile, "a");
  const { size: logStart } = await log.stat();
  const child = spawn(process.execPath, [programFile, "up", ...args], {
    cwd: dataDir,
    detached: true,
    stdio: ["ignore", log.fd, log.fd, "ipc"],
  });
  try {
    const report = await firstReport(child, signal);
    if (report === undefined) throw new FaasError("SERVER_NOT_RUNNING", await describeExit(child, logFile, logStart));
    if ("failed" in report) throw new FaasError(report.failed.code, report.failed.message);
    return { ...report, pid: child.pid as number, logFile };
  } catch (error) {
    // Waits for the exit: the caller may remove the data folder after the failure, and nothing may write there then.
    if (child.kill("SIGTERM")) await once(child, "exit");
    throw error;
  } finally {
    await log.close();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** Returns undefined when the process ends without a report. */
async function firstReport(child: ChildProcess, signal?: AbortSignal): Promise<ServerReport | undefined> {
  const done = new AbortController();
  const either = signal ? AbortSignal.any([signal, done.signal]) : done.signal;
  try {
    return await Promise.race([
      once(child, "message", { signal: either }).then(([report]) => report as ServerReport),
      once(child, "exit", { signal: either }).then(() => undefined),
    ]);
  } finally {
    done.abort();
  }
}

async function describeExit(child: ChildProcess, logFile: string, logStart: number): Promise<string> {
  const ended = child.signalCode ? `was ended by ${child.signalCode}` : `exited with code ${child.exitCode}`;
  const output = (await readFile(logFile)).subarray(logStart).toString().trimEnd();
  const lines = output.split("\n").slice(-LAST_LINES);
  return [`The server ${ended} before it was ready. The last lines of its log, ${logFile}:`, ...lines].join("\n  ");
}
