import { spawn } from "node:child_process";
import { FaasError } from "@faas/core";

export const LAST_LINES = 30;
const OUTPUT_KEPT = 64 * 1024;
/** Time that an installer has to end by itself. */
const GRACE_MS = 2_000;

export interface Installer {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** What to do when the command is not there. */
  readonly missing: string;
}

/**
 * Runs an installer to its end and gives its stdout. INSTALL_FAILED has its own last words, and all its last lines in `lastLogLines`.
 * An abort ends it with all that it started, and rejects with the signal's reason when they have ended.
 */
export async function runInstaller({ command, args, cwd, env, signal, missing }: Installer): Promise<string> {
  signal?.throwIfAborted();
  // Detached: a process group of its own, which can be ended as a whole.
  const child = spawn(command, args, {
    cwd,
    env: env ?? process.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let both = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout = (stdout + text).slice(-OUTPUT_KEPT);
    both = (both + text).slice(-OUTPUT_KEPT);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    both = (both + text).slice(-OUTPUT_KEPT);
  });
  let killing: NodeJS.Timeout | undefined;
  const end = () => {
    endGroup(child.pid, "SIGTERM");
    killing = setTimeout(() => endGroup(child.pid, "SIGKILL"), GRACE_MS);
  };
  signal?.addEventListener("abort", end, { once: true });
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, by) => resolve(code ?? by ?? ""));
    });
    signal?.throwIfAborted();
    if (code === 0) return stdout;
    throw failed(command, args, code, both);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall?.startsWith("spawn") !== true) throw error;
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? missing : (error as Error).message;
    throw new FaasError("INSTALL_FAILED", `Dependencies cannot be installed: ${why}`, { cause: error });
  } finally {
    clearTimeout(killing);
    signal?.removeEventListener("abort", end);
  }
}

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    // It had ended just before.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function failed(command: string, args: readonly string[], code: number | string, output: string): FaasError {
  const lastLogLines = withoutUsage(output.trim().split("\n")).slice(-LAST_LINES);
  const name = command.replace(/.*\//, "");
  const verb = args.filter((arg) => /^[a-z]+$/.test(arg)).slice(0, 2);
  const what = [name, ...(args.includes("-m") ? ["-m"] : []), ...verb].join(" ");
  const how = typeof code === "number" ? `exit code ${code}` : code;
  return new FaasError("INSTALL_FAILED", `"${what}" ended with ${how}: ${reasonIn(lastLogLines)}`, {
    extensions: { lastLogLines },
  });
}

/** npm says how it is used after what it has against the lock file, at length. */
function withoutUsage(lines: readonly string[]): readonly string[] {
  const usage = lines.findIndex((line) => /^npm (?:error|ERR!) Clean install a project/.test(line));
  if (usage < 0) return lines;
  return lines.slice(0, usage).filter((line) => !/^npm (?:error|ERR!)\s*$/.test(line));
}

/** What an installer's last lines say in essence: those that it marks as errors, without the mark, and without npm's own business. */
export function reasonIn(lines: readonly string[]): string {
  const marked = lines.flatMap((line) => /^(?:npm error|npm ERR!|ERROR:|error:)\s*(.*)$/.exec(line)?.[1] ?? []);
  const said = marked
    .map((line) => line.replace(/^(?:\d{3}|code \S+|E[A-Z]+)(?:\s+|$)/, "").trim())
    .filter(
      (line) =>
        line !== "" &&
        !/complete log of this run|^Note that you can also install|^tarball, folder, http url/.test(line),
    );
  return said.slice(0, 3).join("; ") || (lines.at(-1) ?? "it said nothing");
}
