import { FaasError } from "@faas/core";
import { CommanderError } from "commander";
import type { GlobalOptions, Io } from "./io.ts";
import { showError } from "./output.ts";
import { createProgram, verbs } from "./program.ts";

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;
/** 128 and the number of SIGINT, as shells have it. */
const INTERRUPTED = 130;

/** Runs one command line (without `node` and the program's name), and gives the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const verb = argv.find((argument, index) => argument in verbs && argv[index - 1] !== "--server");
  const program = await createProgram(io, verb === undefined ? [] : [verb]);
  if (argv.length === 0) {
    program.outputHelp();
    return WRONG_USAGE;
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
    return io.signal.aborted ? INTERRUPTED : io.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE;
    if (io.signal.aborted) return INTERRUPTED;
    if (isBrokenPipe(error)) return DONE;
    showError(error, io, program.opts<GlobalOptions>().verbose ?? false);
    return error instanceof FaasError && (error.code === "USAGE" || error.code === "CONFIG_INVALID")
      ? WRONG_USAGE
      : FAILED;
  }
}

/** Runs this process's command line. A second Ctrl-C ends at once. */
export async function runAsProcess(): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(INTERRUPTED);
      interrupted.abort(new DOMException(`ended by ${signal}`, "AbortError"));
    });
  }
  // `| head` closes the pipe when it has enough.
  process.stdout.on("error", (error) => {
    if (isBrokenPipe(error)) process.exit(DONE);
  });
  const { stdout, stderr, stdin, env } = process;
  const io: Io = { stdout, stderr, stdin, env, cwd: process.cwd(), signal: interrupted.signal, exitCode: DONE };
  process.exitCode = await main(process.argv.slice(2), io);
}

const isBrokenPipe = (error: unknown) => (error as NodeJS.ErrnoException).code === "EPIPE";
