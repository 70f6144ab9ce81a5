import { FaasError } from "@faas/core/errors";
import { type Command, CommanderError } from "commander";
import { commandNamed, createProgram } from "./program.ts";
import type { GlobalOptions, Io } from "./terminal/io.ts";
import { printStatus, showError } from "./terminal/output.ts";
import { useSourceStacks } from "./terminal/source-stacks.ts";

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;
/** 128 plus the number of the signal, as shells report it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs one command line, without `node` and the program's name; returns the exit code. */
export async function main(argv: readonly string[], processIo: Io): Promise<number> {
  const stdout = watchStdout(processIo);
  const io: Io = { ...processIo, signal: AbortSignal.any([processIo.signal, stdout.signal]) };
  const word = argv.find((argument, index) => commandNamed(argument) !== undefined && argv[index - 1] !== "--server");
  const name = word === undefined ? undefined : commandNamed(word);
  const program = await createProgram(io, name === undefined ? [] : [name]);
  const group = groupNamed(argv, program);
  if (group) {
    group.outputHelp();
    return DONE;
  }
  const failure = await program.parseAsync([...argv], { from: "user" }).then(
    () => undefined,
    (error: unknown) => error ?? new Error("no reason given"),
  );
  if (!io.signal.aborted) await flushStdout(io);
  if (stdout.signal.aborted) return exitCodeAfterStdoutError(stdout.signal.reason, io);
  if (io.signal.aborted) return exitCodeOf(io.signal);
  if (failure === undefined) return io.exitCode;
  if (failure instanceof CommanderError) return failure.exitCode === 0 ? DONE : WRONG_USAGE;
  showError(failure, io, program.opts<GlobalOptions>().verbose ?? false);
  return isWrongUsage(failure) ? WRONG_USAGE : FAILED;
}

/** Returns the program, or the command with subcommands, when the command line is nothing but its name; undefined for any other command line. */
function groupNamed(argv: readonly string[], program: Command): Command | undefined {
  if (argv.length === 0) return program;
  const named = program.commands.find((command) => command.name() === argv[0]);
  const isGroup = named !== undefined && named.commands.length > 0 && named.registeredArguments.length === 0;
  return argv.length === 1 && isGroup ? named : undefined;
}

/** Runs this process's command line. A second Ctrl-C ends the process at once. */
export async function runAsProcess(): Promise<void> {
  useSourceStacks();
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

/** Reason of `io.signal` after the process got a signal to end. */
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

/** Aborts the returned controller when stdout fails: nothing reads the command's output then. */
function watchStdout({ stdout, stderr }: Io): AbortController {
  const failed = new AbortController();
  stdout.on("error", (error) => failed.abort(error));
  // There is no other stream to report it on.
  stderr.on("error", () => {});
  return failed;
}

/** Resolves when everything written to stdout is handed over, or cannot be. */
const flushStdout = ({ stdout, signal }: Io) =>
  new Promise<void>((done) => {
    signal.addEventListener("abort", () => done(), { once: true });
    stdout.write("", () => done());
  });

/** Returns success when the reader closed the pipe (`| head` does when it has enough), and failure for anything else, such as a full disk. */
function exitCodeAfterStdoutError(error: NodeJS.ErrnoException, io: Io): number {
  if (error.code === "EPIPE") return DONE;
  printStatus(io, `error: Cannot write to standard output: ${error.message}`);
  return FAILED;
}
