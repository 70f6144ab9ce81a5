import type { Ora } from "ora";
import type { Io } from "./io.ts";
import { colors, printStatus } from "./output.ts";

/** Receiver of the progress of a task in stages. */
export interface StageProgress {
  /** Begins a stage and ends the previous one. */
  begin(stage: string): void;
  /** Adds detail to the current stage, such as the share that is done. */
  detail(text: string): void;
  /** Adds detail that matters before the stage ends. */
  note(text: string): void;
  /** Ends the current stage. */
  end(): void;
  /** Marks the current stage as failed. */
  fail(): void;
}

/** Progress of a long task in stages: a spinner with the elapsed seconds on a terminal, else a line at the end of each stage. */
export class Progress implements StageProgress {
  readonly #io: Io;
  #spinner: Ora | undefined;
  #stage: string | undefined;
  #detail = "";
  #startedAt = 0;
  #ticking: NodeJS.Timeout | undefined;

  private constructor(io: Io, spinner: Ora | undefined) {
    this.#io = io;
    this.#spinner = spinner;
  }

  static async create(io: Io): Promise<Progress> {
    if (!canRedraw(io)) return new Progress(io, undefined);
    const { default: ora } = await import("ora");
    // With discardStdin Ctrl-C would not arrive as a signal.
    const spinner = ora({
      stream: io.stderr as NodeJS.WriteStream,
      discardStdin: false,
      color: io.env.NO_COLOR ? false : "cyan",
    });
    return new Progress(io, spinner);
  }

  begin(stage: string): void {
    this.end();
    this.#stage = stage;
    this.#startedAt = performance.now();
    if (!this.#spinner) return;
    this.#spinner.start(this.#text());
    this.#ticking = setInterval(() => this.#show(), 100);
  }

  detail(text: string): void {
    this.#detail = text;
    this.#show();
  }

  /** Adds detail that matters before the stage ends: without a spinner it is printed at once. */
  note(text: string): void {
    this.detail(text);
    if (!this.#spinner) printStatus(this.#io, text);
  }

  end(): void {
    if (this.#stage === undefined) return;
    clearInterval(this.#ticking);
    const text = this.#text();
    if (this.#spinner) this.#spinner.succeed(text);
    else printStatus(this.#io, text);
    this.#stage = undefined;
    this.#detail = "";
  }

  fail(): void {
    if (this.#stage === undefined) return;
    clearInterval(this.#ticking);
    if (this.#spinner) this.#spinner.fail(this.#text());
    else printStatus(this.#io, `${this.#text()}  failed`);
    this.#stage = undefined;
  }

  #show(): void {
    if (this.#spinner?.isSpinning) this.#spinner.text = this.#text();
  }

  #text(): string {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(1);
    const dim = colors(this.#io.stderr, this.#io).dim;
    return `${(this.#stage ?? "").padEnd(9)} ${dim(`${seconds} s`)}${this.#detail ? `  ${this.#detail}` : ""}`;
  }
}

/** Returns true where a spinner works. A terminal of unknown width has 0 columns: the spinner would count each line as endlessly many and erase them one by one. */
export const canRedraw = ({ stderr, env }: Io): boolean =>
  stderr.isTTY === true && stderr.columns !== 0 && env.TERM !== "dumb" && !env.CI;
