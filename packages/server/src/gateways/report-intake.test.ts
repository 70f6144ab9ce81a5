import assert from "node:assert/strict";
import { test } from "node:test";
import { ReportIntake, type ReportIntakeOptions } from "./report-intake.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

test("traced calls of gateways in other processes are examples of their durations", () => {
  const examples: unknown[][] = [];
  const stored: string[] = [];
  const endpoint = { key: "acme/x" };
  const intake = new ReportIntake({
    registry: { get: (key: string) => (key === "acme/x" ? endpoint : undefined) },
    metrics: { add() {}, addExemplar: (...example: unknown[]) => examples.push(example) },
    accessLog: { append: (_: string, lines: string) => stored.push(lines) },
    keys: { recordUse() {} },
  } as unknown as ReportIntakeOptions);
  const line = (id: string, times: string) => `1700000000100\t200\t4500\t0\tx-1\tv1\tGET\t${id}\t/a,b\tgw-1${times}\n`;
  const lines = line("one", "") + line("two", `\t0,0,0,4000,${TRACE}`) + line("three", "\t0,90,0,4000");
  intake.onReport({ type: "access", lines: { "acme/x": lines, "acme/removed": lines } });
  assert.deepEqual(examples, [[endpoint, 200, 4.5, TRACE, 1_700_000_000_100]]);
  assert.deepEqual(stored, [lines]);
});
