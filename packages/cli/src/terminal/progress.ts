import type { Ora } from "ora";
import type { Io } from "./io.ts";
import { colors, printStatus } from "./output.ts";

/** The stages of something long: a spinner with the seconds on a terminal, a line at the end of each otherwise. */
export class Progress {
  readonly #io: Io;
  #spinner: Ora | undefined;
  #stage: string | undefined;
  #detail = "";
  #began = 0;
  #ticking: NodeJS.Timeout | undefined;

  private constructor(io: Io, spinner: Ora | undefined) {
    this.#io = io;
    this.#spinner = spinner;
  }

  static async create(io: Io): Promise<Progress> {
    if (!canRedraw(io)) return new Progress(io, undefined);
    const { default: ora } = await import("ora");
    // discardStdin would take Ctrl-C away from us.
    const spinner = ora({
      stream: io.stderr as NodeJS.WriteStream,
      discardStdin: false,
      color: io.env.NO_COLOR ? false : "cyan",
    });
    return new Progress(io, spinner);
  }

  /** Ends the stage before it. */
  begin(stage: string): void {
    this.end();
    this.#stage = stage;
    this.#began = performance.now();
    if (!this.#spinner) return;
    this.#spinner.start(this.#text());
    this.#ticking = setInterval(() => this.#show(), 100);
  }

  /** More about the present stage, such as how far it is. */
  detail(text: string): void {
    this.#detail = text;
    this.#show();
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

  /** The present stage did not work out. */
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
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    const dim = colors(this.#io.stderr, this.#io).dim;
    return `${(this.#stage ?? "").padEnd(9)} ${dim(`${seconds} s`)}${this.#detail ? `  ${this.#detail}` : ""}`;
  }
}

/** A terminal that does not say how wide it is has 0 columns: every line would count as endlessly many, which the spinner takes away one by one. */
const canRedraw = ({ stderr, env }: Io): boolean =>
  stderr.isTTY === true && stderr.columns !== 0 && env.TERM !== "dumb" && !env.CI;
