import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FaasError } from "@faas/core";

const PROGRAM = fileURLToPath(new URL("../../bin/faas.js", import.meta.url));
const LAST_LINES = 10;

/** What `faas up` tells the process that began it, over the IPC channel that Node gives when there is one. */
export type ServerReport = ServerAccess | { readonly failed: FaasErrorFields };
type FaasErrorFields = Pick<FaasError, "code" | "message">;

/** Where a server answers, and whom. */
export interface ServerAccess {
  readonly url: string;
  /** Whether keys are required. */
  readonly auth: boolean;
  /** Of the admin key that was made at this start. */
  readonly adminToken?: string;
}

export interface DetachedServer extends ServerAccess {
  readonly pid: number;
  /** What it prints. */
  readonly logFile: string;
}

/**
 * Starts `faas up` with these arguments as a process of its own, which outlives this one, and resolves when it takes requests.
 * Rejects with its own error, or with the last lines that it printed when it dies before.
 */
export async function startDetached(
  args: readonly string[],
  dataDir: string,
  signal?: AbortSignal,
): Promise<DetachedServer> {
  await mkdir(dataDir, { recursive: true });
  const logFile = join(dataDir, "server.log");
  const log = await open(logFile, "a");
  const { size: begin } = await log.stat();
  const child = spawn(process.execPath, [PROGRAM, "up", ...args], {
    cwd: dataDir,
    detached: true,
    stdio: ["ignore", log.fd, log.fd, "ipc"],
  });
  try {
    const report = await firstReport(child, signal);
    if (report === undefined) throw new FaasError("SERVER_NOT_RUNNING", await explain(child, logFile, begin));
    if ("failed" in report) throw new FaasError(report.failed.code, report.failed.message);
    return { ...report, pid: child.pid as number, logFile };
  } catch (error) {
    // To its end: who is told that it failed may remove the data folder, and nothing may write there then.
    if (child.kill("SIGTERM")) await once(child, "exit");
    throw error;
  } finally {
    await log.close();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** undefined when the process ends without one. */
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

async function explain(child: ChildProcess, logFile: string, begin: number): Promise<string> {
  const ended = child.signalCode ? `was ended by ${child.signalCode}` : `ended with exit code ${child.exitCode}`;
  const printed = (await readFile(logFile)).subarray(begin).toString().trimEnd();
  const lines = printed.split("\n").slice(-LAST_LINES);
  return [`The server ${ended} before it was ready. Its log, ${logFile}, ends with:`, ...lines].join("\n  ");
}
