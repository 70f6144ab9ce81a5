import { spawn } from "node:child_process";
import { FaasError } from "@faas/core";

const LAST_LINES = 30;

/** Runs an installer to its end and gives its stdout. INSTALL_FAILED has its own last words; an abort ends it with all that it started. */
export function run(
  command: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const child = spawn(command, args, { cwd, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      all += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => (all += text));
    const end = () => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
    };
    signal?.addEventListener("abort", end, { once: true });
    child.once("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT" ? `"${command}" is not installed` : error.message;
      reject(new FaasError("INSTALL_FAILED", `Dependencies cannot be installed: ${missing}`, { cause: error }));
    });
    child.once("close", (code) => {
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) return reject(signal.reason);
      if (code === 0) return resolve(stdout);
      const lastLogLines = all.trim().split("\n").slice(-LAST_LINES);
      const what = [command, ...args.filter((arg) => !arg.startsWith("-")).slice(0, 2)].join(" ");
      const reason = lastLogLines.find((line) => /error/i.test(line)) ?? lastLogLines.at(-1) ?? "";
      reject(
        new FaasError("INSTALL_FAILED", `"${what}" ended with exit code ${code}: ${reason}`, {
          extensions: { lastLogLines },
        }),
      );
    });
  });
}
