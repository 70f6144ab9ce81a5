import type { Io } from "./io.ts";
import { colors, printStatus } from "./output.ts";
import { prefixedIo } from "./prefixed-io.ts";
import { canRedraw, type StageProgress } from "./progress.ts";

/** Time between two drawings on a terminal. */
const REDRAW_MS = 100;
/** Size of a terminal that does not report its own. */
const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;
/** Columns of a row beside its name. */
const MIN_COLUMNS = 28;
const LONGEST_STAGE = "interrupted".length;
const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

type State = "waiting" | "running" | "succeeded" | "failed";

/** Progress of several tasks at once: a table with a row per task on a terminal, else a line at the end of each task. */
export class ProgressTable implements Disposable {
  readonly #io: Io;
  readonly #rows: readonly TableRow[];
  #isLive: boolean;
  readonly #ticking: NodeJS.Timeout | undefined;
  /** Lines of the table on the terminal. */
  #drawnLines = 0;
  #frame = 0;

  constructor(io: Io, names: readonly string[]) {
    this.#io = io;
    const width = Math.max(...names.map((name) => name.length));
    this.#rows = names.map((name) => new TableRow(name, width, io, this));
    const { columns = DEFAULT_COLUMNS, rows = DEFAULT_ROWS } = io.stderr;
    // The cursor cannot go back to lines above the screen, and a row that wraps is several lines.
    this.#isLive = canRedraw(io) && names.length < rows - 1 && width + MIN_COLUMNS <= columns;
    if (this.#isLive) this.#ticking = setInterval(() => this.#draw(), REDRAW_MS);
  }

  /** Returns the row of a task, by the position of its name. */
  row(index: number): TableRow {
    return this.#rows[index] as TableRow;
  }

  /** Prints a line: above the table on a terminal. */
  print(line: string): void {
    if (this.#isLive) this.#draw(`${line}\n`);
    else printStatus(this.#io, line);
  }

  /** Shows the end of a row's task. */
  ended(row: TableRow): void {
    if (this.#isLive) this.#draw();
    else printStatus(this.#io, row.text());
  }

  /** Stops drawing; the table stays on the terminal. */
  [Symbol.dispose](): void {
    if (!this.#isLive) return;
    clearInterval(this.#ticking);
    this.#draw();
    this.#isLive = false;
  }

  /** Replaces the table on the terminal, with text before it. */
  #draw(before = ""): void {
    const up = this.#drawnLines === 0 ? "" : `\x1b[${this.#drawnLines}A`;
    const frame = SPINNER[this.#frame++ % SPINNER.length] as string;
    const lines = this.#rows.map((row) => `${row.symbol(frame)} ${row.text(this.#io.stderr.columns)}\n`);
    // Clears from the cursor to the end of the screen.
    this.#io.stderr.write(`${up}\x1b[J${before}${lines.join("")}`);
    this.#drawnLines = lines.length;
  }
}

/** Row of the table: the progress of one task. */
export class TableRow implements StageProgress {
  /** Environment of the task: each line that it prints begins with its name. */
  readonly io: Io;
  readonly #name: string;
  readonly #width: number;
  readonly #color: ReturnType<typeof colors>;
  readonly #table: Pick<ProgressTable, "print" | "ended">;
  #state: State = "waiting";
  #stage = "waiting";
  #detail = "";
  #startedAt = 0;
  #endedAt: number | undefined;

  constructor(name: string, width: number, io: Io, table: Pick<ProgressTable, "print" | "ended">) {
    this.#name = name;
    this.#width = width;
    this.#color = colors(io.stderr, io);
    this.#table = table;
    this.io = prefixedIo(io, name, (line) => table.print(line));
  }

  begin(stage: string): void {
    if (this.#state === "waiting") this.#startedAt = performance.now();
    this.#state = "running";
    this.#stage = stage;
    this.#detail = "";
  }

  detail(text: string): void {
    this.#detail = text;
  }

  note(text: string): void {
    this.detail(text);
    this.#table.print(`${this.#name}: ${text}`);
  }

  /** Does nothing: a stage ends when the next one begins, or with the task. */
  end(): void {}

  /** Does nothing: the task decides about its end. */
  fail(): void {}

  /** Ends the task. */
  finish(state: "succeeded" | "failed", stage: string, detail = ""): void {
    this.#state = state;
    this.#stage = stage;
    this.#detail = detail;
    this.#endedAt = performance.now();
    this.#table.ended(this);
  }

  symbol(frame: string): string {
    if (this.#state === "succeeded") return this.#color.green("✔");
    if (this.#state === "failed") return this.#color.red("✖");
    return this.#state === "running" ? this.#color.cyan(frame) : " ";
  }

  /** Returns the row without its symbol, cut to the width of a terminal. */
  text(columns = 0): string {
    const name = this.#name.padEnd(this.#width);
    if (this.#state === "waiting" || this.#startedAt === 0) return `${name}  ${this.#color.dim(this.#stage)}`;
    const stage = this.#stage.padEnd(LONGEST_STAGE);
    const seconds = `${(((this.#endedAt ?? performance.now()) - this.#startedAt) / 1000).toFixed(1)} s`;
    // The symbol, and four spaces between the columns. The last column of a terminal stays empty.
    const left = columns - 2 - name.length - 2 - stage.length - 1 - seconds.length - 2 - 1;
    const detail = columns > 0 ? this.#detail.slice(0, Math.max(0, left)) : this.#detail;
    return `${name}  ${stage} ${this.#color.dim(seconds)}${detail === "" ? "" : `  ${detail}`}`;
  }
}
