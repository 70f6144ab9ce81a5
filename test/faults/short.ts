import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultResult, Run } from "./part.ts";

/** The short form of a part as a test. `least`: so much has to be under way, or nothing was tried. FAAS_TEST_SEED repeats one that failed. */
export function testShortForm(title: string, run: Run, least: number): void {
  test(title, async (t) => {
    const seed = Number(process.env.FAAS_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const said: string[] = [`FAAS_TEST_SEED=${seed}`];
    const { lost, tried }: FaultResult = await run({ long: false, seed, print: (line) => said.push(line) });
    for (const line of said) t.diagnostic(line);
    assert.equal(lost, 0, said.join("\n"));
    assert.ok(tried >= least, `${tried} is no load`);
  });
}
