import { PassThrough } from "node:stream";
import type { TestContext } from "node:test";
import { CommandOutput, type Ended, type RunningCommand, startFaas } from "@faas/testing";
import { main } from "../main.ts";

/** Part of a test's context that a command needs. */
export type Test = Pick<TestContext, "after">;

export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text that the user types; without it there is no terminal. */
  readonly typed?: string;
  /** Content of standard input that is not a terminal. */
  readonly input?: string | Buffer;
}

/** Starts a command line in this process. It is interrupted at the end of the test. */
export function startHere(
  t: Test,
  argv: readonly string[],
  { cwd, env = {}, typed, input }: CommandOptions,
): RunningCommand {
  const output = new CommandOutput();
  const interrupted = new AbortController();
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
  stdin.end(typed ?? input);
  const { stdout } = output;
  const stderr = Object.assign(output.stderr, { isTTY: typed !== undefined });
  const code = main(argv, { stdout, stderr, stdin, env, cwd, signal: interrupted.signal, exitCode: 0 });
  const running = output.running(code, () => interrupted.abort());
  t.after(async () => {
    interrupted.abort();
    await running.ended.catch(() => {});
  });
  return running;
}

/** Runs a command line in this process to its end. */
export const runHere = (t: Test, argv: readonly string[], options: CommandOptions): Promise<Ended> =>
  startHere(t, argv, options).ended;

/** Starts the built CLI as a process, which is ended with the test. */
export function startChild(
  t: Test,
  argv: readonly string[],
  options: Pick<CommandOptions, "cwd" | "env">,
): RunningCommand & { readonly pid: number } {
  const { child, ...running } = startFaas(argv, options);
  t.after(async () => {
    child.kill("SIGTERM");
    await running.ended;
  });
  return { ...running, pid: child.pid as number };
}
