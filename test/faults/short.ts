import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultOptions, Tried } from "./part.ts";

/** The short form of a part as a test. `least`: so much has to be under way, or nothing was tried. FAAS_TEST_SEED repeats one that failed. */
export function testShortForm(
  title: string,
  run: (options: FaultOptions) => Promise<readonly Tried[]>,
  least: number,
): void {
  test(title, async (t) => {
    const seed = Number(process.env.FAAS_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const said: string[] = [`FAAS_TEST_SEED=${seed}`];
    const rows = await run({ long: false, seed, print: (line) => said.push(line) });
    const text = [...said, ...rows.map((row) => JSON.stringify(row))].join("\n");
    t.diagnostic(text);
    for (const { lost, tried } of rows) {
      assert.equal(lost, 0, text);
      assert.ok(tried >= least, text);
    }
  });
}
