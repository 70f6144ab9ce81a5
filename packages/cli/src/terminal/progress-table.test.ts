import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { Io } from "./io.ts";
import { printWarning } from "./output.ts";
import { ProgressTable } from "./progress-table.ts";

/** Runs `use` with a table; returns what it wrote. */
async function written(size: { columns?: number; rows?: number } | undefined, use: (table: ProgressTable) => void) {
  const stderr = new PassThrough();
  const io: Io = {
    stdout: new PassThrough(),
    stderr: Object.assign(stderr, size === undefined ? {} : { isTTY: true, ...size }),
    stdin: new PassThrough(),
    env: {},
    cwd: "/",
    signal: new AbortController().signal,
    exitCode: 0,
  };
  const table = new ProgressTable(io, ["api", "worker"]);
  use(table);
  table[Symbol.dispose]();
  stderr.end();
  return text(stderr);
}

const visible = (output: string) => output.replaceAll("\x1b", "␛");
const withoutColors = (line: string) => line.replaceAll(/␛\[[\d;]*m/g, "");

/** Screen of a terminal after this output: rows that moves of the cursor and erasures leave. */
function screen(output: string): string[] {
  let lines: string[] = [];
  for (const part of visible(output).split(/(␛\[\d+A|␛\[J)/)) {
    const [, up] = /^␛\[(\d+)A$/.exec(part) ?? [];
    if (up !== undefined) lines = lines.slice(0, lines.length - Number(up));
    else if (part !== "␛[J") lines.push(...part.split("\n").slice(0, -1).map(withoutColors));
  }
  return lines;
}

function deploy(table: ProgressTable): void {
  table.row(0).begin("upload");
  table.row(0).detail("50% of 3 MiB");
  printWarning(table.row(0).io, "left out: .env");
  table.row(1).begin("install");
  table.row(1).finish("failed", "failed");
  table.row(0).finish("succeeded", "deployed", "revision 0123456789ab");
}

test("without a terminal each task is one line at its end", async () => {
  const output = await written(undefined, deploy);
  assert.deepEqual(output.replaceAll(/\d\.\d s/g, "0.0 s").split("\n"), [
    "api: warning: left out: .env",
    "worker  failed      0.0 s",
    "api     deployed    0.0 s  revision 0123456789ab",
    "",
  ]);
});

test("on a terminal the table stays below the lines that tasks print", async () => {
  const rows = screen(await written({ columns: 80, rows: 24 }, deploy)).map((row) => row.replace(/\d\.\d s/, "0.0 s"));
  assert.deepEqual(rows, [
    "api: warning: left out: .env",
    "✔ api     deployed    0.0 s  revision 0123456789ab",
    "✖ worker  failed      0.0 s",
  ]);
});

test("rows are cut to the width of the terminal", async () => {
  const rows = screen(await written({ columns: 40, rows: 24 }, deploy));
  assert.ok(
    rows.every((row) => row.length < 40),
    rows.join("\n"),
  );
  assert.match(rows[1] ?? "", /deployed .* s {2}revision/);
});

test("a terminal without room for the table gets lines", async () => {
  for (const size of [
    { columns: 80, rows: 3 },
    { columns: 20, rows: 24 },
  ])
    assert.doesNotMatch(visible(await written(size, deploy)), /␛\[\d*[AJ]/);
});

test("a task that did not begin is waiting", async () => {
  const rows = screen(await written({ columns: 80, rows: 24 }, (table) => table.row(0).begin("pack")));
  assert.deepEqual(rows.slice(1), ["  worker  waiting"]);
});
