import { FaasError } from "@faas/core";
import { CommanderError } from "commander";
import { createProgram, verbs } from "./program.ts";
import type { GlobalOptions, Io } from "./terminal/io.ts";
import { printStatus, showError } from "./terminal/output.ts";

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;
/** 128 and the number of the signal, as shells have it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs one command line (without `node` and the program's name), and gives the exit code. */
export async function main(argv: readonly string[], surroundings: Io): Promise<number> {
  const stdout = watchStdout(surroundings);
  const io: Io = { ...surroundings, signal: AbortSignal.any([surroundings.signal, stdout.signal]) };
  const verb = argv.find((argument, index) => Object.hasOwn(verbs, argument) && argv[index - 1] !== "--server");
  const program = await createProgram(io, verb === undefined ? [] : [verb]);
  if (argv.length === 0) {
    program.outputHelp({ error: true });
    return WRONG_USAGE;
  }
  const failure = await program.parseAsync([...argv], { from: "user" }).then(
    () => undefined,
    (error: unknown) => error ?? new Error("no reason given"),
  );
  if (!io.signal.aborted) await written(io);
  if (stdout.signal.aborted) return stdoutFailed(stdout.signal.reason, io);
  if (io.signal.aborted) return exitCodeOf(io.signal);
  if (failure === undefined) return io.exitCode;
  if (failure instanceof CommanderError) return failure.exitCode === 0 ? DONE : WRONG_USAGE;
  showError(failure, io, program.opts<GlobalOptions>().verbose ?? false);
  return isWrongUsage(failure) ? WRONG_USAGE : FAILED;
}

/** Runs this process's command line. A second Ctrl-C ends at once. */
export async function runAsProcess(): Promise<void> {
  const interrupted = new AbortController();
  for (const name of Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]) {
    process.on(name, () => {
      if (interrupted.signal.aborted) process.exit(EXIT_CODES[name]);
      interrupted.abort(new Interruption(name));
    });
  }
  const { stdout, stderr, stdin, env } = process;
  const io: Io = { stdout, stderr, stdin, env, cwd: process.cwd(), signal: interrupted.signal, exitCode: DONE };
  process.exitCode = await main(process.argv.slice(2), io);
}

/** The reason of `io.signal` when the process was told to end. */
class Interruption extends Error {
  override readonly name = "AbortError";
  readonly exitCode: number;

  constructor(signal: keyof typeof EXIT_CODES) {
    super(`ended by ${signal}`);
    this.exitCode = EXIT_CODES[signal];
  }
}

const exitCodeOf = ({ reason }: AbortSignal) => (reason instanceof Interruption ? reason.exitCode : EXIT_CODES.SIGINT);

const isWrongUsage = (error: unknown) =>
  error instanceof FaasError && (error.code === "USAGE" || error.code === "CONFIG_INVALID");

/** Its signal is aborted when stdout takes no more: the command has nobody to work for. */
function watchStdout({ stdout, stderr }: Io): AbortController {
  const broken = new AbortController();
  stdout.on("error", (error) => broken.abort(error));
  // Nothing is left to tell it to.
  stderr.on("error", () => {});
  return broken;
}

/** Resolves when all of stdout is handed over, or cannot be. */
const written = ({ stdout, signal }: Io) =>
  new Promise<void>((done) => {
    signal.addEventListener("abort", () => done(), { once: true });
    stdout.write("", () => done());
  });

/** `| head` closes the pipe when it has enough, and that is no failure; a full disk is. */
function stdoutFailed(error: NodeJS.ErrnoException, io: Io): number {
  if (error.code === "EPIPE") return DONE;
  printStatus(io, `error: Standard output cannot be written: ${error.message}`);
  return FAILED;
}
