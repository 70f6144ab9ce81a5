import { PassThrough } from "node:stream";

/** Result of a command that has ended. */
export interface Ended {
  /** Exit code; null when a signal ended the process. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Length of a command's output at one moment. */
export interface OutputPosition {
  readonly stdout: number;
  readonly stderr: number;
}

export interface RunningCommand {
  readonly ended: Promise<Ended>;
  stdout(): string;
  stderr(): string;
  /** Returns the end of the output until now, to look only at later output. */
  position(): OutputPosition;
  /**
   * Waits until the output on stdout or stderr matches. Rejects when the command ends first.
   *
   * @param from start of the output to search
   */
  printed(pattern: RegExp, from?: OutputPosition): Promise<RegExpExecArray>;
  /** Interrupts the command, as Ctrl-C does. */
  interrupt(): void;
}

/** Time limit of `printed`: a bound for a broken test, not a performance goal. */
const PRINTED_TIMEOUT_MS = 60_000;

/** Output of a command, collected as text. */
export class CommandOutput {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly #texts = { stdout: "", stderr: "" };
  #hasEnded = false;
  #changed = Promise.withResolvers<void>();

  constructor() {
    for (const name of ["stdout", "stderr"] as const)
      this[name].setEncoding("utf8").on("data", (text: string) => {
        this.#texts[name] += text;
        this.#notify();
      });
  }

  /** Returns the running command; `code` resolves with its exit code after all its output was written. */
  running(code: Promise<number | null>, interrupt: () => void): RunningCommand {
    const texts = this.#texts;
    const ended = code.then((exitCode) => ({ code: exitCode, ...texts }));
    const finish = () => {
      this.#hasEnded = true;
      this.#notify();
    };
    ended.then(finish, finish);
    return {
      ended,
      stdout: () => texts.stdout,
      stderr: () => texts.stderr,
      position: () => ({ stdout: texts.stdout.length, stderr: texts.stderr.length }),
      printed: (pattern, from) => this.#printed(pattern, from),
      interrupt,
    };
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  async #printed(pattern: RegExp, from: OutputPosition = { stdout: 0, stderr: 0 }): Promise<RegExpExecArray> {
    const { stdout, stderr } = from;
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => timeout.reject(this.#missing(pattern)), PRINTED_TIMEOUT_MS);
    try {
      for (;;) {
        const found = pattern.exec(this.#texts.stdout.slice(stdout)) ?? pattern.exec(this.#texts.stderr.slice(stderr));
        if (found) return found;
        if (this.#hasEnded) throw this.#missing(pattern);
        await Promise.race([this.#changed.promise, timeout.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #missing(pattern: RegExp): Error {
    return new Error(`Expected the output to match ${pattern}, got ${JSON.stringify(this.#texts)}`);
  }
}
