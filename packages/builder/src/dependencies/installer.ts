import { spawn } from "node:child_process";
import { FaasError } from "@faas/core";

/** Maximum length of `lastLogLines` of an error. */
export const MAX_LOG_LINES = 30;
const MAX_OUTPUT_CHARACTERS = 64 * 1024;
/** Time for an installer to exit after SIGTERM. */
const GRACE_MS = 2_000;

export interface Installer {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** Name of the command in errors, if it is not the program's. */
  readonly name?: string;
  /** Message for a command that is not installed. */
  readonly missing: string;
}

/**
 * Runs an installer to its end and returns its stdout. An abort stops it with all of its children, and rejects with the signal's reason when
 * they have exited.
 *
 * @throws INSTALL_FAILED with the installer's reason, and its last lines in `lastLogLines`
 */
export async function runInstaller({ command, args, cwd, env, signal, name, missing }: Installer): Promise<string> {
  signal?.throwIfAborted();
  // Detached: a separate process group, which can be signalled as a whole.
  const child = spawn(command, args, {
    cwd,
    env: env ?? process.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let both = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout = (stdout + text).slice(-MAX_OUTPUT_CHARACTERS);
    both = (both + text).slice(-MAX_OUTPUT_CHARACTERS);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    both = (both + text).slice(-MAX_OUTPUT_CHARACTERS);
  });
  let killTimer: NodeJS.Timeout | undefined;
  const stop = () => {
    signalGroup(child.pid, "SIGTERM");
    killTimer = setTimeout(() => signalGroup(child.pid, "SIGKILL"), GRACE_MS);
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, killedBy) => resolve(code ?? killedBy ?? ""));
    });
    signal?.throwIfAborted();
    if (code === 0) return stdout;
    throw installError(name ?? command, args, code, both);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall?.startsWith("spawn") !== true) throw error;
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? missing : (error as Error).message;
    throw new FaasError("INSTALL_FAILED", `Dependencies cannot be installed: ${reason}`, { cause: error });
  } finally {
    clearTimeout(killTimer);
    signal?.removeEventListener("abort", stop);
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    // The group has already exited.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function installError(command: string, args: readonly string[], code: number | string, output: string): FaasError {
  const lastLogLines = withoutUsage(output.trim().split("\n")).slice(-MAX_LOG_LINES);
  const name = command.replace(/.*\//, "");
  const words = args.filter((arg) => /^[a-z]+$/.test(arg)).slice(0, 2);
  const shortCommand = [name, ...(args.includes("-m") ? ["-m"] : []), ...words].join(" ");
  const exit = typeof code === "number" ? `exit code ${code}` : code;
  return new FaasError("INSTALL_FAILED", `"${shortCommand}" ended with ${exit}: ${summarizeOutput(lastLogLines)}`, {
    extensions: { lastLogLines },
  });
}

/** Removes npm's long usage text, which follows its objections to the lock file. */
function withoutUsage(lines: readonly string[]): readonly string[] {
  const usage = lines.findIndex((line) => /^npm (?:error|ERR!) Clean install a project/.test(line));
  if (usage < 0) return lines;
  return lines.slice(0, usage).filter((line) => !/^npm (?:error|ERR!)\s*$/.test(line));
}

/** Summarizes an installer's last lines: the ones marked as errors, without the mark and without notes about npm itself. */
export function summarizeOutput(lines: readonly string[]): string {
  const marked = lines.flatMap((line) => /^(?:npm error|npm ERR!|ERROR:|error:)\s*(.*)$/.exec(line)?.[1] ?? []);
  const reasons = marked
    .map((line) => line.replace(/^(?:\d{3}|code \S+|E[A-Z]+)(?:\s+|$)/, "").trim())
    .filter(
      (line) =>
        line !== "" &&
        !/complete log of this run|^Note that you can also install|^tarball, folder, http url/.test(line),
    );
  return reasons.slice(0, 3).join("; ") || (lines.at(-1) ?? "no output");
}
