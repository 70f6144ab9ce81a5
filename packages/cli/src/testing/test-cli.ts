import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { TestContext } from "node:test";
import { main } from "../main.ts";

/** For tests: the CLI in this process, or the built one as a child. */

/** What a command needs of a test. */
export type Test = Pick<TestContext, "after">;

export interface Surroundings {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What somebody types on the terminal; without it there is none. */
  readonly typed?: string;
  /** What standard input holds, when it is no terminal. */
  readonly input?: string | Buffer;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. It is interrupted at the end of the test, if it has not ended. */
export interface Running {
  readonly ended: Promise<Ended>;
  stdout(): string;
  stderr(): string;
  /** Waits until what it printed on stderr or stdout since `from` matches. Rejects when it ends before, or after 15 s. */
  printed(pattern: RegExp, from?: number): Promise<RegExpExecArray>;
  /** Ctrl-C. */
  interrupt(): void;
}

const LIMIT_MS = 15_000;

class Output {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly texts = { stdout: "", stderr: "" };

  constructor() {
    for (const name of ["stdout", "stderr"] as const)
      this[name].setEncoding("utf8").on("data", (text) => {
        this.texts[name] += text;
      });
  }

  running(code: Promise<number>, interrupt: () => void): Running {
    const { texts } = this;
    const ended = code.then((number) => ({ code: number, ...texts }));
    const isOver = ended.then(
      () => true,
      () => true,
    );
    const printed = async (pattern: RegExp, from = 0) => {
      const limit = AbortSignal.timeout(LIMIT_MS);
      for (let over = false; ; ) {
        const found = pattern.exec(texts.stdout.slice(from)) ?? pattern.exec(texts.stderr.slice(from));
        if (found) return found;
        if (over || limit.aborted) throw new Error(`expected ${pattern}, got ${JSON.stringify(texts)}`);
        const more = ["stdout", "stderr"] as const;
        const waiting = new AbortController();
        const signal = AbortSignal.any([limit, waiting.signal]);
        const events = more.map((name) => once(this[name], "data", { signal }).then(() => false));
        over = await Promise.race([...events, isOver]).catch(() => false);
        waiting.abort();
        for (const event of events) event.catch(() => {});
      }
    };
    return { ended, stdout: () => texts.stdout, stderr: () => texts.stderr, printed, interrupt };
  }
}

/** Runs a command line in this process. */
export function startHere(t: Test, argv: readonly string[], { cwd, env = {}, typed, input }: Surroundings): Running {
  const output = new Output();
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
export const runHere = (t: Test, argv: readonly string[], surroundings: Surroundings): Promise<Ended> =>
  startHere(t, argv, surroundings).ended;

/** Runs the built CLI. */
export function startChild(
  t: Test,
  argv: readonly string[],
  { cwd, env = {} }: Surroundings,
): Running & { pid: number } {
  const output = new Output();
  const program = join(import.meta.dirname, "../../bin/faas.js");
  const child = spawn(process.execPath, [program, ...argv], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.pipe(output.stdout);
  child.stderr.pipe(output.stderr);
  const code = once(child, "close").then(([exitCode, signal]) => (exitCode as number | null) ?? signal);
  const running = output.running(code, () => child.kill("SIGINT"));
  t.after(async () => {
    child.kill("SIGTERM");
    await running.ended;
  });
  return { ...running, pid: child.pid as number };
}
