import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultOptions, FaultRow } from "./part.ts";

/**
 * Defines a test of a part's short form. FAAS_TEST_SEED repeats the choices of a failed run.
 *
 * @param minimum size of each row's workload below which nothing was tested; the part counts its work, so that this holds on any machine
 */
export function testShortForm(
  title: string,
  run: (options: FaultOptions) => Promise<readonly FaultRow[]>,
  minimum: number,
): void {
  test(title, async (t) => {
    const seed = Number(process.env.FAAS_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const lines: string[] = [`FAAS_TEST_SEED=${seed}`];
    const rows = await run({ long: false, seed, print: (line) => lines.push(line) });
    const text = [...lines, ...rows.map((row) => JSON.stringify(row))].join("\n");
    t.diagnostic(text);
    for (const { lost, tried } of rows) {
      assert.equal(lost, 0, text);
      assert.ok(tried >= minimum, text);
    }
  });
}
